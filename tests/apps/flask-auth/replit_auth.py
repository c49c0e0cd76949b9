import os

from flask_dance.consumer import OAuth2ConsumerBlueprint


def make_replit_blueprint():
    try:
        repl_id = os.environ["REPL_ID"]
    except KeyError:
        raise SystemExit("the REPL_ID environment variable must be set")
    issuer_url = os.environ.get("ISSUER_URL", "https://replit.com/oidc")
    return OAuth2ConsumerBlueprint(
        "replit_auth",
        __name__,
        client_id=repl_id,
        base_url=issuer_url,
        authorization_url=issuer_url + "/auth",
    )
