-- Where every parcel is: one row per tracking number, however many scans it has had.
CREATE TABLE parcels (
    key          text COLLATE "C" PRIMARY KEY,
    state        jsonb,
    status       text GENERATED ALWAYS AS (state ->> 'status') STORED,
    -- Of the first shipment: what shares a box is of one order.
    order_number text GENERATED ALWAYS AS (split_part(state #>> '{shipments,0}', '.', 1)) STORED,
    CONSTRAINT parcels_status CHECK (status IN (
        'label_created', 'in_transit', 'out_for_delivery', 'attempted', 'pickup_ready', 'exception', 'returning', 'delivered', 'returned'
    )),
    -- An end stands on a scan that says so.
    CONSTRAINT parcels_delivered CHECK (status <> 'delivered' OR state #> '{scans,delivered}' IS NOT NULL),
    CONSTRAINT parcels_returned CHECK (
        status <> 'returned' OR state #> '{scans,delivered}' IS NOT NULL OR state #> '{scans,returned}' IS NOT NULL
    )
) WITH (fillfactor = 50);
CREATE INDEX parcels_order ON parcels (order_number) WHERE order_number IS NOT NULL;
