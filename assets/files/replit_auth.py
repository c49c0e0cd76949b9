"""Sign-in with Amazon Cognito where Replit's was: the same names, so that callers stay as they are. Made by migrate-wizard.

From the environment: ISSUER_URL (the pool), COGNITO_CLIENT_ID (its public app client), APP_URL (the app's own address).
"""

import os
from functools import wraps
from urllib.parse import urlencode, urlsplit

from authlib.integrations.base_client import OAuthError
from authlib.integrations.flask_client import OAuth as Clients
from flask import Blueprint, redirect, render_template, request, session, url_for
from flask_login import LoginManager, current_user, login_user, logout_user
from sqlalchemy import func
from werkzeug.local import LocalProxy

{{imports}}

login_manager = LoginManager(app)
_clients = Clients(app)
_clients.register(
    "cognito",
    client_id=os.environ["COGNITO_CLIENT_ID"],
    server_metadata_url=os.environ["ISSUER_URL"].rstrip("/") + "/.well-known/openid-configuration",
    client_kwargs={
        "scope": "openid email profile",
        "code_challenge_method": "S256",
        "token_endpoint_auth_method": "none",
    },
)
# the client that speaks to the pool, for callers that used Replit's
replit = LocalProxy(lambda: _clients.cognito)


@login_manager.user_loader
def load_user(user_id):
    return db.session.get(User, user_id)


def _base():
    return (os.environ.get("APP_URL") or request.url_root).rstrip("/")


def make_replit_blueprint():
    blueprint = Blueprint("replit_auth", __name__)

    @blueprint.route("/login")
    def login():
        return _clients.cognito.authorize_redirect(_base() + "/api/callback")

    # where Flask-Dance had the login: links that are written down lead there
    @blueprint.route("/replit_auth")
    def replit_auth():
        return redirect(url_for("replit_auth.login"))

    @blueprint.route("/logout")
    def logout():
        logout_user()
        session.clear()
        # Cognito's logout is no end-session request of the standard
        pool = urlsplit(_clients.cognito.load_server_metadata()["authorization_endpoint"])
        query = urlencode({"client_id": os.environ["COGNITO_CLIENT_ID"], "logout_uri": _base() + "/"})
        return redirect(f"{pool.scheme}://{pool.netloc}/logout?{query}")

    @blueprint.route("/error")
    def error():
        return render_template("403.html"), 403

    def callback():
        try:
            token = _clients.cognito.authorize_access_token()
        except OAuthError:
            return redirect(url_for("replit_auth.error"))
        wanted = session.pop("next_url", None)
        login_user(save_user(token["userinfo"]))
        return redirect(wanted or "/")

    # the address that the pool returns to, whatever the blueprint's prefix is
    app.add_url_rule("/api/callback", "replit_auth_callback", callback)
    return blueprint


def save_user(user_claims):
    """The person behind a login: by its subject, then by verified e-mail, else somebody new. Ids stay as they are, whoever issued them."""
    subject = user_claims["sub"]
    verified = str(user_claims.get("email_verified")).lower() == "true"
    email = user_claims.get("email") if verified else None
    user = User.query.filter_by(auth_subject=subject).first()
    if user is None and email:
        same = User.query.filter(func.lower(User.email) == email.lower())
        user = same.order_by((User.email == email).desc()).first()
    if user is None:
        user = User()
        user.id = subject
        db.session.add(user)
    told = {
        "auth_subject": subject,
        "email": email,
        "first_name": user_claims.get("given_name"),
        "last_name": user_claims.get("family_name"),
        "profile_image_url": user_claims.get("picture"),
    }
    for column, value in told.items():
        if value:
            setattr(user, column, value)
    db.session.commit()
    return user


def require_login(f):
    @wraps(f)
    def decorated_function(*args, **kwargs):
        if not current_user.is_authenticated:
            session["next_url"] = get_next_navigation_url(request)
            return redirect(url_for("replit_auth.login"))
        return f(*args, **kwargs)

    return decorated_function


def get_next_navigation_url(request):
    """Where to go after the login: the page itself, or the one that asked for a part of it."""
    is_page = request.headers.get("Sec-Fetch-Mode") == "navigate" and request.headers.get("Sec-Fetch-Dest") == "document"
    return request.url if is_page else request.referrer or request.url
