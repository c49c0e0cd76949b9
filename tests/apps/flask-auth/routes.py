from flask import jsonify

from app import app
from replit_auth import make_replit_blueprint

app.register_blueprint(make_replit_blueprint(), url_prefix="/auth")


@app.route("/health")
def health():
    return jsonify(ok=True)
