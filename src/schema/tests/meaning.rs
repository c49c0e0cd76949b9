//! What would mean something else on the target: rewritten, left out or named, never kept without a word.
//! Nothing here runs a statement.

use super::choices::{USERS_AND_ORDERS, chosen, sql_of};
use super::*;

const RANKED: &str = "CREATE TYPE public.rank AS ENUM ('low', 'medium', 'high');
CREATE TABLE public.t (id uuid PRIMARY KEY, r public.rank, rs public.rank[], CONSTRAINT ranked CHECK (((r >= 'medium'::public.rank) OR (id IS NULL))));
CREATE INDEX t_high ON public.t USING btree (id) WHERE (r > 'low'::public.rank);
CREATE VIEW public.most AS SELECT max(t.r) AS r FROM public.t;
CREATE VIEW public.top AS SELECT GREATEST(t.r, 'low'::public.rank) AS r FROM public.t;
CREATE VIEW public.known AS SELECT enum_range(NULL::public.rank) AS all_of_them;
CREATE VIEW public.same AS SELECT t.id FROM public.t WHERE (t.r = 'high'::public.rank);
CREATE VIEW public.sorted AS SELECT t.id FROM public.t ORDER BY t.r;
CREATE FUNCTION public.first() RETURNS uuid LANGUAGE sql STABLE AS $$ select id from public.t order by r limit 1 $$;";

#[test]
fn what_follows_the_order_of_an_enum_is_never_kept_without_a_word() {
    let conversion = dsql(RANKED);
    let made: Vec<&str> = conversion.statements.iter().map(|s| s.id.as_str()).collect();
    assert_eq!(made, ["table:public.t", "function:public.first", "view:public.same", "view:public.sorted"]);
    assert!(!sql_of(&conversion)[0].contains("ranked"), "{:?}", sql_of(&conversion));
    let said = found(&conversion);
    for line in [
        "DSQL-CHECK public.t.ranked",
        "DSQL-INDEX public.t_high",
        "DSQL-VIEW public.most",
        "DSQL-VIEW public.top",
        "DSQL-VIEW public.known",
        "DSQL-ORDER public.sorted",
        "DSQL-ORDER public.first",
        "DSQL-ENUM-ARRAY public.t.rs",
    ] {
        assert!(said.contains(&line.to_owned()), "{line}: {said:?}");
    }
}

#[test]
fn what_ignored_case_goes_on_ignoring_it_or_is_named() {
    let dump = "CREATE TABLE public.t (id uuid PRIMARY KEY, code public.citext, slug public.citext, CONSTRAINT t_slug_key UNIQUE (slug),
  CONSTRAINT known CHECK ((code OPERATOR(public.<>) 'ABC'::public.citext)));
CREATE TABLE public.u (id uuid PRIMARY KEY, slug public.citext);
ALTER TABLE ONLY public.u ADD CONSTRAINT u_slug FOREIGN KEY (slug) REFERENCES public.t(slug);
CREATE UNIQUE INDEX t_both ON public.t USING btree (code, id);
CREATE VIEW public.v AS SELECT t.id FROM public.t WHERE ((t.code OPERATOR(public.=) ANY (ARRAY['A'::public.citext, 'b'::public.citext])) AND (t.code OPERATOR(public.~~) 'x%'::public.citext));
CREATE VIEW public.grouped AS SELECT t.code, count(*) AS count FROM public.t GROUP BY t.code;";
    let conversion = dsql(dump);
    let sql = sql_of(&conversion).join("\n");
    assert!(sql.contains("CHECK (lower(code) <> lower('ABC'::text))"), "{sql}");
    assert!(sql.contains("lower(t.code) = ANY(ARRAY[lower('A'::text), lower('b'::text)]) AND t.code ~~* 'x%'::text"), "{sql}");
    let said = found(&conversion);
    for line in ["DSQL-CITEXT-KEY public.t_both", "DSQL-CITEXT-KEY public.t.t_slug_key", "DSQL-ORDER public.grouped"] {
        assert!(said.contains(&line.to_owned()), "{line}: {said:?}");
    }
}

#[test]
fn the_text_of_an_array_has_no_subscripts() {
    let dump = "CREATE TABLE public.t (id uuid PRIMARY KEY, tags text[]);
CREATE VIEW public.v AS SELECT t.tags[1] AS first FROM public.t;";
    let conversion = convert(dump, Target::Dsql, &chosen(&["arrays=text"])).unwrap();
    assert!(found(&conversion).contains(&"DSQL-VIEW public.v".to_owned()), "{:?}", found(&conversion));
}

#[test]
fn a_choice_about_an_object_that_is_not_there_says_which_are() {
    let refused = |choice: &str| convert(USERS_AND_ORDERS, Target::Dsql, &chosen(&[choice])).unwrap_err();
    let error = refused("foreign_keys:public.orders.orders_user_fkk=dropped");
    assert!(error.what.ends_with("is not about `public.orders.orders_user_fkk`: did you mean `public.orders.orders_user_fk`?"), "{error}");
    assert_eq!((error.exit_code(), error.hint.as_str()), (2, "it is about, without quotes: public.orders.orders_user_fk"));
    assert!(refused("arrays:public.users.tags=text").hint.contains("nothing in this schema"));
}

#[test]
fn of_two_keys_that_are_the_same_one_is_made_and_the_other_named() {
    let dump = "CREATE TABLE public.t (id uuid NOT NULL, a int);
ALTER TABLE ONLY public.t ADD CONSTRAINT t_twin UNIQUE (id);
ALTER TABLE ONLY public.t ADD CONSTRAINT t_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.t ADD CONSTRAINT t_other UNIQUE (id, a);
ALTER TABLE ONLY public.t ADD CONSTRAINT t_turned UNIQUE (a, id);";
    let conversion = dsql(dump);
    let sql = &sql_of(&conversion)[0];
    assert!(!sql.contains("t_twin") && ["t_pkey", "t_other", "t_turned"].iter().all(|key| sql.contains(key)), "{sql}");
    assert_eq!(found(&conversion), ["DSQL-KEY-TWICE public.t.t_twin"]);
}
