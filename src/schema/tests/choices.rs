//! What was chosen, and what follows from it.
//! Nothing here runs a statement.

use super::*;

pub fn chosen(choices: &[&str]) -> Options {
    let known = Capabilities::of(Target::Dsql).unwrap().choices;
    let mut options = Options::default();
    choices.iter().for_each(|choice| options.choose(choice, &known).unwrap());
    options
}

pub const USERS_AND_ORDERS: &str = "CREATE SCHEMA public;
CREATE TABLE public.users (id integer NOT NULL);
CREATE SEQUENCE public.users_id_seq AS integer START WITH 1 INCREMENT BY 1 NO MINVALUE NO MAXVALUE CACHE 1;
ALTER SEQUENCE public.users_id_seq OWNED BY public.users.id;
CREATE TABLE public.orders (user_id integer DEFAULT 1 NOT NULL, day date, CONSTRAINT orders_user CHECK ((user_id > 0)));
ALTER TABLE ONLY public.users ALTER COLUMN id SET DEFAULT nextval('public.users_id_seq'::regclass);
ALTER TABLE ONLY public.users ADD CONSTRAINT users_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.orders ADD CONSTRAINT orders_user_fk FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;";

pub fn sql_of(conversion: &Conversion) -> Vec<String> {
    conversion.statements.iter().map(|s| s.sql.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn a_key_chosen_to_be_a_uuid_takes_what_refers_to_it_along() {
    let conversion = convert(USERS_AND_ORDERS, Target::Dsql, &chosen(&["serial_keys=uuid"])).unwrap();
    assert_eq!(
        sql_of(&conversion)[1..],
        [
            "CREATE TABLE IF NOT EXISTS public.users ( id uuid NOT NULL DEFAULT gen_random_uuid(), CONSTRAINT users_pkey PRIMARY KEY (id) )",
            &format!(
                "CREATE TABLE IF NOT EXISTS public.orders ( user_id uuid DEFAULT '{}'::uuid NOT NULL, day date )",
                crate::postgres::key_uuid::of("public.users.id", "1")
            ),
            "ALTER TABLE public.orders ADD CONSTRAINT orders_user_fk FOREIGN KEY (user_id) REFERENCES public.users (id) ON DELETE CASCADE NOT VALID",
            "ALTER TABLE public.orders VALIDATE CONSTRAINT orders_user_fk",
        ]
    );
    let said = found(&conversion);
    for line in ["DSQL-UUID-KEY public.users.id", "DSQL-UUID-REFERENCE public.orders.user_id", "DSQL-CHECK public.orders.orders_user"] {
        assert!(said.contains(&line.to_owned()), "{line}: {said:?}");
    }
    let changes: Vec<String> = conversion.type_changes.iter().map(|c| format!("{}.{} {} {}", c.table, c.column, c.from, c.to)).collect();
    assert_eq!(changes, ["public.users.id int uuid", "public.orders.user_id int uuid"]);
}

#[test]
fn an_enum_chosen_to_be_a_table_keeps_its_order_and_its_columns_refer_to_it() {
    let dump = "CREATE TYPE public.mood AS ENUM ('sad', 'it''s ok');
CREATE TABLE public.t (id uuid PRIMARY KEY, m public.mood DEFAULT 'sad'::public.mood NOT NULL, n public.mood);
CREATE TYPE public.state AS ENUM ('on');
CREATE TABLE public.s (id uuid PRIMARY KEY, s public.state);";
    let conversion = convert(dump, Target::Dsql, &chosen(&["enums:public.mood=lookup_table"])).unwrap();
    assert_eq!(
        sql_of(&conversion),
        [
            "CREATE TABLE IF NOT EXISTS public.t ( id uuid PRIMARY KEY, m text DEFAULT 'sad'::text NOT NULL, n text )",
            "CREATE TABLE IF NOT EXISTS public.s ( id uuid PRIMARY KEY, s text, CONSTRAINT s_s_check CHECK (s IN ('on')) )",
            "CREATE TABLE IF NOT EXISTS public.mood ( value text NOT NULL, \"position\" int NOT NULL, CONSTRAINT mood_pkey PRIMARY KEY (value) )",
            "INSERT INTO \"public\".\"mood\" (value, \"position\") VALUES ('sad', 1), ('it''s ok', 2) ON CONFLICT (value) DO NOTHING",
            "ALTER TABLE public.t ADD CONSTRAINT t_m_value FOREIGN KEY (m) REFERENCES public.mood (value) NOT VALID",
            "ALTER TABLE public.t ADD CONSTRAINT t_n_value FOREIGN KEY (n) REFERENCES public.mood (value) NOT VALID",
            "ALTER TABLE public.t VALIDATE CONSTRAINT t_m_value",
            "ALTER TABLE public.t VALIDATE CONSTRAINT t_n_value",
        ]
    );
    let choice = conversion.choices.iter().find(|choice| choice.fact.id == "enums").unwrap();
    assert_eq!((choice.chosen.as_str(), choice.objects.len(), choice.exceptions.len()), ("check", 2, 1));
}

#[test]
fn foreign_keys_chosen_to_be_dropped_say_what_the_app_must_do() {
    let conversion = convert(USERS_AND_ORDERS, Target::Dsql, &chosen(&["foreign_keys=dropped"])).unwrap();
    assert!(conversion.statements.iter().all(|s| s.kind != Kind::ForeignKey && s.kind != Kind::Validation));
    let dropped = conversion.findings.iter().find(|f| f.id == "DSQL-FK-DROPPED").unwrap();
    assert_eq!(dropped.app_must, "The app must delete the rows of public.orders with theirs of public.users.");
    // both sides have one type all the same
    assert!(found(&conversion).contains(&"DSQL-WIDEN public.orders.user_id".to_owned()));
}

#[test]
fn an_array_chosen_to_be_text_keeps_its_own_form() {
    let dump = "CREATE TABLE public.t (id uuid PRIMARY KEY, tags text[] DEFAULT '{a,b}'::text[]);";
    let conversion = convert(dump, Target::Dsql, &chosen(&["arrays:public.t.tags=text"])).unwrap();
    assert_eq!(sql_of(&conversion), ["CREATE TABLE IF NOT EXISTS public.t ( id uuid PRIMARY KEY, tags text DEFAULT '{a,b}'::text )"]);
    assert_eq!(found(&conversion)[0], "DSQL-ARRAY-TEXT public.t.tags");
}

#[test]
fn only_choices_that_decide_something_are_asked() {
    let ids = |dump: &str| dsql(dump).choices.iter().map(|choice| choice.fact.id.clone()).collect::<Vec<_>>();
    assert_eq!(ids("CREATE TABLE public.t (id uuid PRIMARY KEY);"), Vec::<String>::new());
    assert_eq!(ids(USERS_AND_ORDERS), ["serial_keys", "foreign_keys"]);
}
