-- The room owns its tables, so no grant can keep it from changing a record; a trigger does. It guards against bugs
-- and slips of the hand. Whoever may disable triggers can still tamper; that is what `oms audit verify` finds.

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit records are only added, never changed or deleted';
END $$;

CREATE TRIGGER records_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON records
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER head_stays BEFORE DELETE OR TRUNCATE ON head
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Records are inserted with ON CONFLICT DO NOTHING. If the head had been set back, a new record would meet an old
-- one and be dropped in silence; this check at the end of the batch stops the room instead.
CREATE FUNCTION check_head() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF (TG_OP = 'UPDATE' AND NEW.seq < OLD.seq) OR ((TG_OP = 'UPDATE' OR NEW.seq IS NOT NULL) AND NOT EXISTS (
        SELECT FROM records WHERE key = lpad(NEW.seq::text, 20, '0') AND hash = NEW.hash
    )) THEN
        RAISE EXCEPTION 'the head of the audit chain does not name its last record: run oms audit verify';
    END IF;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER head_names_last AFTER INSERT OR UPDATE ON head DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION check_head();
