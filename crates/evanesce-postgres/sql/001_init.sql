-- Everything lies in the schema of one namespace, which is first in the search path.

-- The audit log: leaves that only grow, and one row that orders those who append.
CREATE TABLE audit_leaf (
    leaf_index bigint PRIMARY KEY CHECK (leaf_index >= 0),
    hash       bytea  NOT NULL CHECK (octet_length(hash) = 32),
    bytes      bytea
);
CREATE TABLE audit_head (
    id         smallint PRIMARY KEY DEFAULT 1 CHECK (id = 1),
    size       bigint   NOT NULL CHECK (size >= 0),
    checkpoint text
);
INSERT INTO audit_head (size) VALUES (0);

-- What each window has spent. Rows stay when tables go: a budget never renews.
CREATE TABLE window_ledger (
    window_id     bigint  PRIMARY KEY CHECK (window_id >= 0),
    micro_epsilon bigint  NOT NULL DEFAULT 0 CHECK (micro_epsilon >= 0),
    is_released   boolean NOT NULL DEFAULT false
);

-- Partial sums, sealed under a key that this server never sees.
CREATE TABLE partial (
    window_id bigint NOT NULL REFERENCES window_ledger,
    batch     bytea  NOT NULL CHECK (octet_length(batch) = 32),
    sealed    bytea  NOT NULL,
    PRIMARY KEY (window_id, batch)
);

-- A function, because each of its statements sees what was committed before it:
-- a fold that waited for a release then finds the window closed. One round trip.
-- 0: added, 1: repeated, 2: the window was released.
CREATE FUNCTION fold(the_window bigint, the_batch bytea, the_bytes bytea) RETURNS smallint
LANGUAGE plpgsql AS $$
DECLARE
    closed boolean;
BEGIN
    SELECT is_released INTO closed FROM window_ledger WHERE window_id = the_window FOR SHARE;
    IF NOT FOUND THEN
        INSERT INTO window_ledger (window_id) VALUES (the_window) ON CONFLICT DO NOTHING;
        SELECT is_released INTO closed FROM window_ledger WHERE window_id = the_window FOR SHARE;
    END IF;
    IF closed THEN
        RETURN 2;
    END IF;
    INSERT INTO partial (window_id, batch, sealed) VALUES (the_window, the_batch, the_bytes)
        ON CONFLICT DO NOTHING;
    RETURN CASE WHEN FOUND THEN 0 ELSE 1 END;
END
$$;

-- Released tables: one partition for each UTC day of release, dropped whole.
-- at_day counts days and at_millis milliseconds since 1970-01-01.
CREATE SEQUENCE released_table_id;
CREATE TABLE released_table (
    at_day     integer NOT NULL,
    id         bigint  NOT NULL DEFAULT nextval('released_table_id'),
    table_name text    NOT NULL,
    window_id  bigint  NOT NULL,
    at_millis  bigint  NOT NULL,
    PRIMARY KEY (at_day, id)
) PARTITION BY RANGE (at_day);
CREATE INDEX ON released_table (table_name, window_id);
CREATE TABLE released_row (
    at_day   integer NOT NULL,
    table_id bigint  NOT NULL,
    position integer NOT NULL,
    labels   text[]  NOT NULL,
    value    bigint  NOT NULL,
    margin   bigint  NOT NULL CHECK (margin >= 0),
    PRIMARY KEY (at_day, table_id, position)
) PARTITION BY RANGE (at_day);

-- Requests to erase, sealed, until their receipts are durable.
CREATE TABLE journal (
    id        bytea  PRIMARY KEY CHECK (octet_length(id) = 32),
    put_order bigint GENERATED ALWAYS AS IDENTITY,
    requested bigint NOT NULL,
    sealed    bytea  NOT NULL
);
CREATE INDEX ON journal (requested, put_order);

-- Leases by the server's clock, which is the same for all nodes. A row stays, so
-- that its fence only grows.
CREATE TABLE lease (
    name  text        PRIMARY KEY,
    fence bigint      NOT NULL,
    until timestamptz NOT NULL
);
