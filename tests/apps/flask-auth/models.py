from app import db


class User(db.Model):
    """A person; sqlite:///app.db held them once."""

    id = db.Column(db.String, primary_key=True)
    email = db.Column(db.String, unique=True)
