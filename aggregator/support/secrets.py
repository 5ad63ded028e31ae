"""Readable secrets (HMAC keys) at rest: Fernet, newest key first, older ones still decrypt."""

import base64
import hashlib

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings


def _box() -> MultiFernet:
    keys = list(settings.VPP_SECRET_KEYS)
    if not keys:
        if not settings.VPP_ALLOW_EMBEDDED:
            raise RuntimeError("VPP_SECRET_KEYS is not set")
        digest = hashlib.sha256(settings.SECRET_KEY.encode()).digest()
        keys = [base64.urlsafe_b64encode(digest).decode()]
    return MultiFernet([Fernet(key) for key in keys])


def seal(secret: str) -> str:
    return _box().encrypt(secret.encode()).decode()


def unseal(sealed: str) -> str:
    return _box().decrypt(sealed.encode()).decode()
