-- What is to be shipped, was asked for, was packed, is missing: one row per release.
CREATE TABLE releases (
    key          text COLLATE "C" PRIMARY KEY,
    state        jsonb,
    status       text GENERATED ALWAYS AS (state ->> 'status') STORED,
    order_number text GENERATED ALWAYS AS (split_part(key, '.', 1)) STORED,
    tracking     text GENERATED ALWAYS AS (state #>> '{parcel,tracking}') STORED,
    CONSTRAINT releases_status CHECK (status IN ('new', 'waiting', 'requested', 'dispatched', 'shorted', 'cancelled')),
    -- The address leaves with the last step.
    CONSTRAINT releases_address_dropped CHECK (status NOT IN ('dispatched', 'shorted', 'cancelled') OR state -> 'folder' IS NULL),
    CONSTRAINT releases_parcel CHECK (status <> 'dispatched' OR state #>> '{parcel,tracking}' IS NOT NULL)
);
CREATE INDEX releases_tracking ON releases (tracking) WHERE tracking IS NOT NULL;
-- What somebody still has to act on stays few, however many have shipped.
CREATE INDEX releases_open ON releases (status) WHERE status IN ('waiting', 'requested');

-- What was handed over of an order, and whether the rest is cancelled.
CREATE TABLE orders (
    key       text COLLATE "C" PRIMARY KEY,
    state     jsonb,
    cancelled boolean GENERATED ALWAYS AS (state ? 'cancelled') STORED
) WITH (fillfactor = 50);

-- Parcels that go out again after the one before them came back: one row per shipment.
CREATE TABLE reships (
    key          text COLLATE "C" PRIMARY KEY,
    state        jsonb,
    status       text GENERATED ALWAYS AS (state ->> 'status') STORED,
    order_number text GENERATED ALWAYS AS (split_part(key, '.', 1)) STORED,
    release      text GENERATED ALWAYS AS (split_part(key, '.', 1) || '.' || split_part(key, '.', 2)) STORED,
    tracking     text GENERATED ALWAYS AS (state #>> '{parcel,tracking}') STORED,
    CONSTRAINT reships_status CHECK (status IN ('new', 'reserved', 'awaiting', 'requested', 'dispatched', 'shorted')),
    CONSTRAINT reships_address_dropped CHECK (status NOT IN ('dispatched', 'shorted') OR state -> 'folder' IS NULL),
    CONSTRAINT reships_parcel CHECK (status <> 'dispatched' OR state #>> '{parcel,tracking}' IS NOT NULL)
);
CREATE INDEX reships_tracking ON reships (tracking) WHERE tracking IS NOT NULL;
CREATE INDEX reships_open ON reships (status) WHERE status IN ('awaiting', 'requested');
