-- Orders as their senders name them, our numbers of them, and what intake knows of each item. A row is first
-- inserted blank (state NULL), so that it can be locked.

-- Our number leads to the sender's name of the order: staff and changes know only the number.
CREATE TABLE numbers (
    key   text COLLATE "C" PRIMARY KEY,
    state jsonb
);

CREATE TABLE orders (
    -- sender/reference: no sender has a slash in its name.
    key       text COLLATE "C" PRIMARY KEY CHECK (strpos(key, '/') > 1),
    state     jsonb,
    status    text GENERATED ALWAYS AS (state->'order'->>'status') STORED,
    reference text GENERATED ALWAYS AS (substr(key, strpos(key, '/') + 1)) STORED,
    CONSTRAINT orders_status_known CHECK (status IN ('unseen', 'faulty', 'accepted', 'held', 'refused', 'cancelled')),
    -- Sealed sections stay only while a person has to look at the order.
    CONSTRAINT orders_folder_only_while_held CHECK ((status = 'held') = (state->'order' ? 'folder'))
);
CREATE INDEX orders_held ON orders (key) WHERE status = 'held';
CREATE INDEX orders_reference ON orders (reference);

-- Addresses, as fingerprints, to which parcels did not arrive for a reason that a person must look at.
CREATE TABLE addresses (
    key   text COLLATE "C" PRIMARY KEY,
    state jsonb
);

-- A version never goes back; that is decided on the locked row.
CREATE TABLE items (
    key   text COLLATE "C" PRIMARY KEY,
    state jsonb
);
