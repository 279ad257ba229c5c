/**
 * Version 7: texts are found by an index of their trigrams, whatever their place in a list. `search_rows` gives an
 * object the number that the index knows it by. Before the text stands the kind, so that `…er` and the mark behind it
 * are a trigram too.
 */
export const SCHEMA_7 = `
CREATE TABLE search_rows (
  n INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  id TEXT NOT NULL,
  UNIQUE (kind, id)
) STRICT;
CREATE VIRTUAL TABLE search_index USING fts5 (
  text, content='', contentless_delete=1, detail=none, tokenize='trigram'
);
INSERT INTO search_rows (kind, id) SELECT kind, id FROM objects;
INSERT INTO search_index (rowid, text)
  SELECT n, kind || char(2) || search_text FROM objects JOIN search_rows USING (kind, id);

CREATE TRIGGER search_added AFTER INSERT ON objects BEGIN
  INSERT INTO search_rows (kind, id) VALUES (NEW.kind, NEW.id);
  INSERT INTO search_index (rowid, text) SELECT n, NEW.kind || char(2) || NEW.search_text
    FROM search_rows WHERE kind = NEW.kind AND id = NEW.id;
END;
CREATE TRIGGER search_changed AFTER UPDATE OF search_text ON objects
WHEN NEW.search_text IS NOT OLD.search_text BEGIN
  DELETE FROM search_index WHERE rowid = (SELECT n FROM search_rows WHERE kind = NEW.kind AND id = NEW.id);
  INSERT INTO search_index (rowid, text) SELECT n, NEW.kind || char(2) || NEW.search_text
    FROM search_rows WHERE kind = NEW.kind AND id = NEW.id;
END;
CREATE TRIGGER search_removed AFTER DELETE ON objects BEGIN
  DELETE FROM search_index WHERE rowid = (SELECT n FROM search_rows WHERE kind = OLD.kind AND id = OLD.id);
  DELETE FROM search_rows WHERE kind = OLD.kind AND id = OLD.id;
END;
`;
