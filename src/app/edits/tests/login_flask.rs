//! Replit's login in Flask where the app has changed it.

use super::*;

const HEAD: &str = "import os\nfrom functools import wraps\nfrom flask import abort, redirect, session, url_for\nfrom flask_dance.consumer import OAuth2ConsumerBlueprint, oauth_authorized\nfrom flask_login import LoginManager, current_user\n\nfrom app import app, db\nfrom models import OAuth, User\n\nlogin_manager = LoginManager(app)\n\n\nclass UserSessionStorage(BaseStorage):\n    def get(self, blueprint):\n        return db.session.query(OAuth).one().token\n\n\ndef make_replit_blueprint():\n    replit_bp = OAuth2ConsumerBlueprint(\n        \"replit_auth\", __name__, client_id=os.environ['REPL_ID'])\n\n    @replit_bp.route(\"/error\")\n    def error():\n        return render_template(\"403.html\"), 403\n\n    return replit_bp\n\n\ndef save_user(user_claims):\n    \"\"\"Keeps who has signed in.\"\"\"\n    user = User()\n    user.id = user_claims['sub']\n    user.email = user_claims.get('email')  # of the claims\n    merged_user = db.session.merge(user)\n    db.session.commit()\n    return merged_user\n\n\n@oauth_authorized.connect\ndef logged_in(blueprint, token):\n    user_claims = jwt.decode(token['id_token'], options={\"verify_signature\": False})\n    logging.info(f\"claims: {user_claims}\")\n    user = save_user(user_claims)\n    login_user(user)\n    blueprint.token = token\n    next_url = session.pop(\"next_url\", None)\n    if next_url is not None:\n        return redirect(next_url)\n";
const MODELS: &str = "from app import db\n\nclass User(UserMixin, db.Model):\n    __tablename__ = 'users'\n    email = db.Column(db.String(120), unique=True)\n";
const ADMIN: &str = "\n\n# Admins alone.\ndef require_admin(f):\n    @wraps(f)\n    @require_login\n    def decorated(*a, **k):\n        if current_user.email not in ADMIN_EMAILS:\n            abort(403)\n        return f(*a, **k)\n    return decorated\n\n\nADMIN_EMAILS = os.environ.get(\"ADMIN_EMAILS\", \"\").split(\",\")\n";
const ROUTES: &str = "from replit_auth import (\n    require_admin,\n    require_login,\n    make_replit_blueprint,\n)\n";

fn login(auth: &str, models: &str, routes: &str) -> (String, String, Vec<String>) {
    let files = [("replit_auth.py", auth), ("models.py", models), ("routes.py", routes), ("requirements.txt", "flask\n")];
    let (mut after, items) = edited("login-flask", &files);
    (after.remove("replit_auth.py").unwrap(), after.remove("models.py").unwrap(), items)
}

#[test]
fn what_is_the_apps_own_is_carried_over() {
    let (file, _, items) = login(&format!("{HEAD}{ADMIN}"), MODELS, ROUTES);
    assert!(file.contains("from authlib"), "{file}");
    assert!(
        file.ends_with(
            "\n\n\nfrom flask import abort  # noqa: E402\n\n\n# Admins alone.\ndef require_admin(f):\n    @wraps(f)\n    @require_login\n    def decorated(*a, **k):\n        if current_user.email not in ADMIN_EMAILS:\n            abort(403)\n        return f(*a, **k)\n    return decorated\n\n\nADMIN_EMAILS = os.environ.get(\"ADMIN_EMAILS\", \"\").split(\",\")\n"
        ),
        "{file}"
    );
    assert_eq!(items.len(), 1, "{items:?}");
    // how Replit's token is renewed is nobody's
    let renewed = "\n\ndef require_login(f):\n    @wraps(f)\n    def decorated_function(*args, **kwargs):\n        expires_in = replit._token.get('expires_in', 0)\n        if expires_in < 0:\n            refresh_token_url = issuer_url + \"/token\"\n        return f(*args, **kwargs)\n    return decorated_function\n";
    let (file, _, items) = login(&format!("{HEAD}{renewed}"), MODELS, "");
    assert!(!file.contains("replit._token") && items.len() == 1, "{file} {items:?}");
    // a name that others import by way of this file
    let (file, _, items) = login(HEAD, MODELS, "from .replit_auth import OAuth, require_login\n");
    assert!(file.ends_with("\n\n\nfrom models import OAuth  # noqa: E402\n"), "{file}");
    assert_eq!(items.len(), 1, "{items:?}");
    // its page of an error
    let (file, _, _) = login(&HEAD.replace("403.html", "auth/error.html"), MODELS, "");
    assert!(file.contains("render_template(\"auth/error.html\"), 403") && !file.contains("403.html"), "{file}");
}

#[test]
fn what_would_be_lost_keeps_the_file_as_it_is() {
    let own = [
        (
            HEAD.replace("    merged_user", "    user.role = \"admin\" if user.email in ADMIN_EMAILS else \"member\"\n    merged_user"),
            "replit_auth.py:29 what save_user does here besides Replit's template (role, admin, in) would be lost",
        ),
        (
            HEAD.replace("redirect(next_url)", "redirect(next_url)\n    return redirect(url_for(\"dashboard\"))"),
            "replit_auth.py:39 what logged_in does here besides Replit's template (url_for, dashboard)",
        ),
        (
            HEAD.replace(
                "    return replit_bp",
                "    @replit_bp.route(\"/me\")\n    def me():\n        return \"me\"\n\n    return replit_bp",
            ),
            "replit_auth.py:26 the route /me would be lost",
        ),
        (
            format!("{HEAD}\n\n@oauth_authorized.connect\ndef welcome(blueprint, token):\n    send_mail()\n"),
            "replit_auth.py:51 welcome would be lost with this file, and cannot be carried over (it uses oauth_authorized)",
        ),
        (
            format!("{HEAD}\n\nif os.environ.get(\"X\"):\n    def require_admin(f):\n        return f\n"),
            "replit_auth.py:51 these lines would be lost",
        ),
    ];
    for (auth, told) in own {
        let (file, models, items) = login(&auth, MODELS, "");
        assert_eq!(file, auth, "{told}");
        assert_eq!(models, MODELS, "{told}");
        assert!(items[0].starts_with("replit_auth.py:19 sign people in with Cognito here"), "{items:?}");
        assert!(items.iter().any(|item| item.starts_with(told) && item.ends_with("and run app prepare again")), "{told}: {items:?}");
    }
    let (file, _, items) = login(HEAD, MODELS, "def f():\n    from replit_auth import UserSessionStorage\n");
    assert_eq!(file, HEAD);
    assert!(items[0].contains("another file imports UserSessionStorage from this one"), "{items:?}");
}

#[test]
fn the_column_has_the_form_of_the_e_mails() {
    for (email, column) in [
        ("email = db.Column(db.String(120), unique=True)", "auth_subject = db.Column(db.String, unique=True, nullable=True)"),
        ("email = mapped_column(sa.String, unique=True)  # one", "auth_subject = mapped_column(sa.String, unique=True, nullable=True)"),
        (
            "email: Mapped[Optional[str]] = mapped_column(String, unique=True)",
            "auth_subject: Mapped[Optional[str]] = mapped_column(unique=True, nullable=True)",
        ),
        (
            "email: orm.Mapped[str | None] = db.mapped_column(unique=True)",
            "auth_subject: orm.Mapped[str | None] = db.mapped_column(unique=True, nullable=True)",
        ),
    ] {
        let models = format!("class User(Base):\n    {email}\n    name = 1\n");
        let (_, models, items) = login(HEAD, &models, "");
        assert_eq!(models, format!("class User(Base):\n    {email}\n    {column}\n    name = 1\n"));
        assert_eq!(items.len(), 1, "{items:?}");
    }
    let files = |head: &str, models: &str| {
        asked(&[("replit_auth.py".to_owned(), head.to_owned()), ("models.py".to_owned(), models.to_owned())], &["login-flask".to_owned()])
            .unwrap()
            .iter()
            .flat_map(|one| one.items.iter().map(|item| item.why.clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        files(HEAD, "class User(Base):\n    mail = 1\n"),
        ["User in models.py has no column named email in a form that is known here"]
    );
    assert_eq!(files(HEAD, ""), ["no class User was found, which people are kept in"]);
    let bare = HEAD.replace("from app import app, db\n", "from app import (\n    db,  # its own\n)\n");
    assert_eq!(files(&bare, MODELS), ["the file is not Replit's template: it imports no app"]);
}
