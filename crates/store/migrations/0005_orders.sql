-- What administrators order for one device (console.md A-8): numbers that only grow, 0 for never. Programs of the version before
-- write rows without these columns and leave them as they are.

ALTER TABLE device ADD COLUMN resync BIGINT NOT NULL DEFAULT 0;
ALTER TABLE device ADD COLUMN key_number BIGINT NOT NULL DEFAULT 0;
