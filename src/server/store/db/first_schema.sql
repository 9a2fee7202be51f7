-- What the version of the first schema would have written: some of everything. The key of /post is added
-- with its digest.
INSERT INTO account VALUES(2, 'Alice', 'alice', 'hash a', 3, 1, 50), (3, 'bob', 'bob', 'hash b', 0, 0, 60);
INSERT INTO token VALUES(zeroblob(32), 2, 'laptop', 70);
INSERT INTO invite VALUES(zeroblob(32), 5, 0, 80);
INSERT INTO conversation VALUES(2, 'ops', NULL, NULL, 1, 'deploys', 0), (3, NULL, 2, 3, 1, '', 0);
INSERT INTO member VALUES(1, 2, 0, 1), (1, 3, 0, 0), (2, 2, 1, 2), (3, 2, 0, 0), (3, 3, 0, 1);
INSERT INTO invited VALUES(2, 3, 2);
INSERT INTO known_address VALUES(2, x'c0000201', 1), (2, x'', 2);
INSERT INTO message VALUES
    (1, 1, 1, 2, 1700000000000, 'hello'), (2, 2, 1, 2, 1700000000000, 'up'),
    (3, 1, 2, 3, 1700000000000, 'hello back'), (4, 3, 1, 3, 1700000000000, 'psst'),
    (5, 2, 2, 2, 1700000000000, 'down');
