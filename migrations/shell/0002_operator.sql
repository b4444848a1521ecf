-- What an operator did by hand: parked messages that were dealt with, each told once however often it is repeated, and
-- whether the room is paused, which must survive a restart.

CREATE TABLE settled (
    parked     text        NOT NULL,
    -- The same bytes may be parked again later, and are then dealt with again.
    parked_at  timestamptz NOT NULL,
    action     text        NOT NULL,
    -- The first of the new ids; empty where nothing was sent.
    successor  text        NOT NULL,
    settled_by text        NOT NULL,
    reason     text        NOT NULL,
    settled_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (parked, parked_at, action, successor)
);

-- A row means: paused.
CREATE TABLE pause (
    only_one  boolean     NOT NULL DEFAULT true PRIMARY KEY CHECK (only_one),
    paused_by text        NOT NULL,
    reason    text        NOT NULL,
    paused_at timestamptz NOT NULL DEFAULT now()
);
