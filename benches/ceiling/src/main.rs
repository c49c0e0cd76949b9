//! The ceiling of a load in small transactions: a source's rows read as COPY text and sent on in batches, one transaction each, nothing remembered.
//! Not a mover: it makes no table, resumes nothing and checks nothing. `make bench-data` holds ours against it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

const USAGE: &str = "SOURCE_DATABASE_URL=… TARGET_DATABASE_URL=… ceiling --rows N --bytes N --connections N [--copy]";

/// Batches read with one statement, so that reading costs few round trips.
const BATCHES_OF_A_RANGE: i64 = 4;

/// What one transaction holds at most, and how it is sent.
#[derive(Clone, Copy)]
struct Batch {
    rows: usize,
    bytes: usize,
    copy: bool,
}

/// A table with a primary key of one whole number. The names are quoted.
struct Table {
    name: String,
    columns: String,
    key: String,
}

/// The rows of a table with `from <= key < to`.
struct Range {
    table: Arc<Table>,
    from: i64,
    to: i64,
}

#[tokio::main]
async fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number = |name: &str| args.iter().position(|arg| arg == name).and_then(|at| args.get(at + 1)?.parse::<usize>().ok());
    let (Some(rows), Some(bytes), Some(connections)) = (number("--rows"), number("--bytes"), number("--connections")) else {
        // also what a plain `cargo bench` comes to
        println!("{USAGE}");
        return;
    };
    let batch = Batch { rows, bytes, copy: args.iter().any(|arg| arg == "--copy") };
    let begun = Instant::now();
    let source = connect("SOURCE_DATABASE_URL").await;
    let ranges = Arc::new(Mutex::new(ranges(&source, batch).await));
    let workers: Vec<_> = (0..connections).map(|_| tokio::spawn(work(Arc::clone(&ranges), batch))).collect();
    let mut sent = 0;
    for worker in workers {
        sent += worker.await.expect("a connection failed");
    }
    let seconds = begun.elapsed().as_secs_f64();
    println!("{sent} rows in {seconds:.2} s on {connections} connections");
}

async fn connect(variable: &str) -> Client {
    let url = std::env::var(variable).expect(USAGE);
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await.expect("cannot connect");
    // its errors also reach whoever waits for an answer
    tokio::spawn(connection);
    client
}

/// A statement's rows, every value as text.
async fn ask(client: &Client, statement: &str) -> Vec<Vec<Option<String>>> {
    let messages = client.simple_query(statement).await.unwrap();
    let row = |message| match message {
        SimpleQueryMessage::Row(row) => Some((0..row.len()).map(|i| row.get(i).map(str::to_owned)).collect()),
        _ => None,
    };
    messages.into_iter().filter_map(row).collect()
}

/// Every table cut by its key, the largest table first.
async fn ranges(source: &Client, batch: Batch) -> VecDeque<Range> {
    let tables = "select format('%I.%I', n.nspname, c.relname), k.key, \
         (select string_agg(quote_ident(a.attname), ', ' order by a.attnum) from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) \
         from pg_class c join pg_namespace n on n.oid = c.relnamespace \
         left join lateral (select quote_ident(a.attname) as key from pg_index i join pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[0] \
             where i.indrelid = c.oid and i.indisprimary and i.indnatts = 1 and a.atttypid in ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)) k on true \
         where c.relkind = 'r' and n.nspname !~ '^(pg_|information_schema$)' order by pg_relation_size(c.oid) desc";
    let step = i64::try_from(batch.rows).unwrap() * BATCHES_OF_A_RANGE;
    let mut all = VecDeque::new();
    for row in ask(source, tables).await {
        let [Some(name), key, Some(columns)] = <[_; 3]>::try_from(row).unwrap() else { panic!("a table without columns") };
        let key = key.unwrap_or_else(|| panic!("{name} has no primary key of one whole number"));
        let table = Arc::new(Table { name, columns, key });
        let bounds = ask(source, &format!("select min({0}), max({0}) from {1}", table.key, table.name)).await;
        let bound = |i: usize| Some(bounds.first()?.get(i)?.as_ref()?.parse::<i64>().unwrap());
        let (Some(lowest), Some(highest)) = (bound(0), bound(1)) else { continue };
        let mut from = lowest;
        while from <= highest {
            all.push_back(Range { table: Arc::clone(&table), from, to: from + step });
            from += step;
        }
    }
    all
}

/// Takes ranges until there are none: how many rows it sent.
async fn work(ranges: Arc<Mutex<VecDeque<Range>>>, batch: Batch) -> u64 {
    let (source, target) = (connect("SOURCE_DATABASE_URL").await, connect("TARGET_DATABASE_URL").await);
    target.batch_execute("set synchronous_commit = off").await.unwrap();
    let mut sent = 0;
    loop {
        let Some(range) = ranges.lock().unwrap().pop_front() else { return sent };
        sent += load(&source, &target, &range, batch).await;
    }
}

async fn load(source: &Client, target: &Client, range: &Range, batch: Batch) -> u64 {
    let Table { name, columns, key } = &*range.table;
    let read = format!("copy (select {columns} from {name} where {key} >= {} and {key} < {}) to stdout", range.from, range.to);
    let mut lines = pin!(source.copy_out(&read).await.unwrap());
    let (mut values, mut row, mut rows, mut sent) = (Vec::new(), Vec::new(), 0, 0);
    while let Some(line) = lines.next().await {
        let line = line.unwrap();
        // PostgreSQL sends one message for each row
        let line = line.strip_suffix(b"\n").expect("a message that is not a line");
        row.clear();
        if batch.copy {
            row.extend_from_slice(line);
            row.push(b'\n');
        } else {
            write_values(line, &mut row);
        }
        if rows > 0 && (rows == batch.rows || values.len() + row.len() > batch.bytes) {
            send(target, &range.table, batch, std::mem::take(&mut values)).await;
            rows = 0;
        }
        if !batch.copy && rows > 0 {
            values.push(b',');
        }
        values.extend_from_slice(&row);
        rows += 1;
        sent += 1;
    }
    if rows > 0 {
        send(target, &range.table, batch, values).await;
    }
    sent
}

/// One statement outside a transaction is a transaction of its own, in one round trip.
async fn send(target: &Client, table: &Table, batch: Batch, values: Vec<u8>) {
    let Table { name, columns, .. } = table;
    if batch.copy {
        let mut sink = pin!(target.copy_in::<_, Bytes>(&format!("copy {name} ({columns}) from stdin")).await.unwrap());
        sink.send(Bytes::from(values)).await.unwrap();
        sink.finish().await.unwrap();
        return;
    }
    let values = String::from_utf8(values).expect("the source is not in UTF-8");
    target.batch_execute(&format!("insert into {name} ({columns}) values {values}")).await.unwrap();
}

/// A line of COPY text as a row of an INSERT: every value a quoted literal, which takes its column's type.
fn write_values(line: &[u8], out: &mut Vec<u8>) {
    out.push(b'(');
    for (i, field) in line.split(|byte| *byte == b'\t').enumerate() {
        if i > 0 {
            out.push(b',');
        }
        if field == b"\\N" {
            out.extend_from_slice(b"null");
            continue;
        }
        out.push(b'\'');
        let mut bytes = field.iter().copied();
        while let Some(byte) = bytes.next() {
            match byte {
                b'\'' => out.extend_from_slice(b"''"),
                b'\\' => out.push(match bytes.next() {
                    Some(b'b') => 8,
                    Some(b'f') => 12,
                    Some(b'n') => b'\n',
                    Some(b'r') => b'\r',
                    Some(b't') => b'\t',
                    Some(b'v') => 11,
                    Some(other) => other,
                    None => b'\\',
                }),
                other => out.push(other),
            }
        }
        out.push(b'\'');
    }
    out.push(b')');
}
