-- What examples/heap/sqlite3.heap was recorded from: tables, an index, a join, a sort.
create table word(id integer primary key, text text, n integer);
with recursive c(i) as (select 1 union all select i + 1 from c where i < 2000)
    insert into word select i, printf('word%d', i * 7919 % 1000), i % 17 from c;
create index by_text on word(text);
select n, count(*), length(group_concat(text)) from word group by n order by 2, 1;
update word set text = text || '-' || n where n > 8;
select a.text, b.text from word a join word b on a.id = b.n order by a.text, b.text limit 200;
create table pair as select a.id x, b.id y from word a join word b using(text) where a.id < b.id;
select count(*), sum(x * y) from pair;
delete from word where n % 3 = 0;
vacuum;
select count(*), sum(length(text)), count(distinct text) from word;
