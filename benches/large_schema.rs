//! A schema of any size, as `pg_dump` prints it: what a web app's tables look like, over and over.
//! Never random: the same size gives the same text.

use std::fmt::Write as _;

/// The statements of `tables` tables: each with 15 columns, a counter, a key, a unique rule, three indexes, an array, an enum, a check and
/// a foreign key to the one before; a function for every second, a view for every tenth, a trigger for every hundredth, an enum for every
/// twentieth.
pub fn large_schema(tables: usize) -> String {
    let mut out = String::from("--\n-- PostgreSQL database dump\n--\n\nSET statement_timeout = 0;\n\n");
    for number in 0..tables.div_ceil(20) {
        let _ = writeln!(out, "CREATE TYPE public.state_{number} AS ENUM (\n    'new',\n    'paid',\n    'sent',\n    'it''s back'\n);\n");
    }
    for number in 0..tables.div_ceil(2) {
        let _ = writeln!(
            out,
            "CREATE FUNCTION public.touch_{number}() RETURNS trigger\n    LANGUAGE plpgsql\n    AS $$ begin new.updated_at := now(); return new; end $$;\n"
        );
    }
    for number in 0..tables {
        let _ = writeln!(
            out,
            "CREATE TABLE public.item_{number} (
    id integer NOT NULL,
    before_id integer,
    name character varying(200) NOT NULL,
    note text DEFAULT ''::text,
    tags text[] DEFAULT '{{}}'::text[] NOT NULL,
    status public.state_{state} DEFAULT 'new'::public.state_{state} NOT NULL,
    price numeric,
    amount numeric(12,2) DEFAULT 0 NOT NULL,
    quantity bigint,
    code character varying(20) NOT NULL,
    day date,
    data jsonb DEFAULT '{{}}'::jsonb NOT NULL,
    active boolean DEFAULT true NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone,
    CONSTRAINT item_{number}_amount_check CHECK ((amount >= (0)::numeric))
);

CREATE SEQUENCE public.item_{number}_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.item_{number}_id_seq OWNED BY public.item_{number}.id;
",
            state = number / 20
        );
    }
    for number in (0..tables).step_by(10) {
        let _ = writeln!(
            out,
            "CREATE VIEW public.active_{number} AS\n SELECT item_{number}.id,\n    item_{number}.name\n   FROM public.item_{number}\n  WHERE item_{number}.active;\n"
        );
    }
    for number in 0..tables {
        let _ = writeln!(
            out,
            "ALTER TABLE ONLY public.item_{number} ALTER COLUMN id SET DEFAULT nextval('public.item_{number}_id_seq'::regclass);\n"
        );
    }
    for number in 0..tables {
        let _ = writeln!(
            out,
            "ALTER TABLE ONLY public.item_{number}\n    ADD CONSTRAINT item_{number}_pkey PRIMARY KEY (id);\n
ALTER TABLE ONLY public.item_{number}\n    ADD CONSTRAINT item_{number}_name_key UNIQUE (name);\n"
        );
    }
    for number in 0..tables {
        let _ = writeln!(
            out,
            "CREATE INDEX item_{number}_created ON public.item_{number} USING btree (created_at DESC);\n
CREATE INDEX item_{number}_open ON public.item_{number} USING btree (code, day) WHERE active;\n
CREATE INDEX item_{number}_tags ON public.item_{number} USING gin (tags);\n"
        );
    }
    for number in (0..tables).step_by(100) {
        let _ = writeln!(
            out,
            "CREATE TRIGGER item_{number}_touch BEFORE UPDATE ON public.item_{number} FOR EACH ROW EXECUTE FUNCTION public.touch_{}();\n",
            number / 100
        );
    }
    for number in 1..tables {
        let _ = writeln!(
            out,
            "ALTER TABLE ONLY public.item_{number}\n    ADD CONSTRAINT item_{number}_before_fkey FOREIGN KEY (before_id) REFERENCES public.item_{}(id) ON DELETE CASCADE;\n",
            number - 1
        );
    }
    out.push_str("--\n-- PostgreSQL database dump complete\n--\n");
    out
}
