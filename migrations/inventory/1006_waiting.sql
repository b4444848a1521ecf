-- One row per line that stands in line, so that stock goes to the first without reading all: the order of the keys is
-- the order of the places, item by item. Who stands there and for how many units is in the order's row.

CREATE TABLE waiting (
    key   text COLLATE "C" PRIMARY KEY,
    state jsonb,
    item  text GENERATED ALWAYS AS (split_part(key, '/', 1)) STORED,
    list  text GENERATED ALWAYS AS (split_part(key, '/', 2)) STORED,
    CONSTRAINT waiting_list CHECK (list IN ('b', 'w'))
);
