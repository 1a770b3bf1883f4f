-- Tables and streams in trees of inheritance: a view counts the rows of its own stream, each once.
SET client_min_messages = warning;
CREATE SCHEMA stream_inherits;
SET search_path = stream_inherits;
CREATE FOREIGN TABLE bystander (k int) SERVER weir;
CREATE VIEW bystander_v AS SELECT k, count(*) FROM bystander GROUP BY k;

-- children of a stream: a table that is created, one that is altered, and another stream
CREATE FOREIGN TABLE clicks (url text) SERVER weir;
CREATE TABLE clicks_batch (url text);
CREATE VIEW hits AS SELECT url, count(*) FROM clicks GROUP BY url;
CREATE VIEW lines AS SELECT url FROM clicks;
CREATE VIEW urls AS SELECT DISTINCT url FROM clicks;
CREATE VIEW visitors AS SELECT count(DISTINCT url), max(url) FROM ONLY clicks;
CREATE TABLE archive () INHERITS (clicks);
CREATE TABLE older (LIKE clicks);
ALTER TABLE older INHERIT clicks;
CREATE FOREIGN TABLE mobile () INHERITS (clicks) SERVER weir;
CREATE VIEW mobile_hits AS SELECT url, count(*) FROM mobile GROUP BY url;
CREATE VIEW all_hits AS
    SELECT url, count(*) FROM (SELECT url FROM clicks UNION ALL SELECT url FROM mobile) u GROUP BY url;
CREATE VIEW known AS SELECT c.url, count(*) FROM clicks c JOIN archive USING (url) GROUP BY c.url;
INSERT INTO archive VALUES ('/old'), ('/a');
INSERT INTO older VALUES ('/older');
INSERT INTO clicks VALUES ('/a');
INSERT INTO clicks VALUES ('/a'), ('/b');
INSERT INTO mobile VALUES ('/m');
INSERT INTO clicks_batch VALUES ('/a'), ('/a'), ('/b');

TABLE hits EXCEPT ALL SELECT url, count(*) FROM clicks_batch GROUP BY url;
SELECT url, count(*) FROM clicks_batch GROUP BY url EXCEPT ALL TABLE hits;
SELECT * FROM hits ORDER BY url;
SELECT * FROM lines ORDER BY url;
SELECT * FROM urls ORDER BY url;
SELECT * FROM visitors;
SELECT * FROM mobile_hits;
SELECT * FROM all_hits ORDER BY url;
SELECT * FROM known;

-- streams below a table: as child and as partition, whose own views count what is routed to them
CREATE TABLE template (url text);
CREATE FOREIGN TABLE child () INHERITS (template) SERVER weir;
CREATE TABLE events (url text, kind int) PARTITION BY LIST (kind);
CREATE TABLE events_1 PARTITION OF events FOR VALUES IN (1);
CREATE FOREIGN TABLE events_2 PARTITION OF events FOR VALUES IN (2) SERVER weir;
CREATE VIEW child_v AS SELECT url, count(*) FROM child GROUP BY url;
CREATE VIEW routed AS SELECT url, count(*) FROM events_2 GROUP BY url;
CREATE VIEW joined AS
    SELECT c.url, count(*), count(e.url) AS events, count(t.url) AS templates
      FROM clicks c LEFT JOIN events e USING (url) LEFT JOIN template t USING (url) GROUP BY c.url;
CREATE VIEW joined_itself AS
    SELECT s.url, count(*), count(e.url) AS events FROM events_2 s LEFT JOIN events e USING (url) GROUP BY s.url;
INSERT INTO template VALUES ('/a');
INSERT INTO child VALUES ('/a'), ('/c');
INSERT INTO events VALUES ('/a', 1), ('/b', 1), ('/b', 2), ('/c', 2);
INSERT INTO clicks VALUES ('/a'), ('/b'), ('/c');
SELECT * FROM child_v ORDER BY url;
SELECT * FROM routed ORDER BY url;
SELECT * FROM joined ORDER BY url;
SELECT * FROM joined_itself ORDER BY url;

-- a stream becomes a partition, and a child, while views join the table
ALTER TABLE events DETACH PARTITION events_2;
ALTER TABLE events ATTACH PARTITION events_2 FOR VALUES IN (2, 3);
CREATE FOREIGN TABLE events_4 PARTITION OF events FOR VALUES IN (4) SERVER weir;
CREATE FOREIGN TABLE child_2 () INHERITS (template) SERVER weir;
INSERT INTO events VALUES ('/a', 3), ('/a', 4), ('/a', 1);
INSERT INTO clicks VALUES ('/a');
SELECT * FROM joined ORDER BY url;

-- in a session: the table is read without them, they are not read
SELECT * FROM events ORDER BY url, kind;
SELECT * FROM template;
SELECT * FROM clicks;
SET client_min_messages = notice;
CREATE VIEW ordinary AS SELECT * FROM events WHERE kind < (SELECT count(*) FROM template);
CREATE VIEW one AS SELECT e.* FROM events_1 e, ONLY template;
SET client_min_messages = warning;

INSERT INTO bystander VALUES (1);
SELECT * FROM bystander_v;
SELECT view, state, reason FROM weir.views WHERE schema = 'stream_inherits' AND state <> 'active';
DROP SCHEMA stream_inherits CASCADE;
