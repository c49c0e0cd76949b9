import os

from flask import Flask
from flask_limiter import Limiter
from flask_sqlalchemy import SQLAlchemy
from werkzeug.middleware.proxy_fix import ProxyFix

app = Flask(__name__)
app.secret_key = os.environ.get("SESSION_SECRET")
app.wsgi_app = ProxyFix(app.wsgi_app, x_proto=1, x_host=1)
app.config["SQLALCHEMY_DATABASE_URI"] = os.environ.get("DATABASE_URL")
app.config["SESSION_COOKIE_SAMESITE"] = "None"
app.config["UPLOAD_FOLDER"] = os.path.join(app.root_path, "files")  # "uploads/" before
limiter = Limiter(lambda: "all", app=app, storage_uri="memory://")
db = SQLAlchemy(app)

with app.app_context():
    import models  # noqa: F401

    db.create_all()
