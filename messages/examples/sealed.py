#!/usr/bin/env python3
"""Open sealed sections (pip install pycryptodome); `sealed.py FILE` tries a test vector. SEALED.md tells the layout."""
import base64, json, pathlib, sys

from Crypto.Cipher import ChaCha20_Poly1305  # with a nonce of 24 bytes it is XChaCha20-Poly1305


def open_section(keys, section, subject, delivery, sealed):
    """The section as a dictionary. KeyError: you do not hold the key; ValueError: it was not made for these."""
    layout, key_id, body = sealed.split(".")
    if layout != "oms1":
        raise ValueError("this is not a sealed section of layout oms1")
    key = base64.b64decode(keys["sections"][key_id])
    raw = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
    nonce, ciphertext, tag = raw[:24], raw[24:-16], raw[-16:]
    cipher = ChaCha20_Poly1305.new(key=key, nonce=nonce)
    cipher.update(f"{key_id}\n{section}\n{subject}\n{delivery}".encode())
    return json.loads(cipher.decrypt_and_verify(ciphertext, tag))


def opens(keys, case):
    try:
        return open_section(keys, case["section"], case["subject"], case["delivery"], case["sealed"])
    except (KeyError, ValueError):
        return None


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    vector = json.loads(pathlib.Path(sys.argv[1]).read_text())
    if opens(vector["keys"], vector) != json.loads(vector["clear"]):
        sys.exit("the vector does not open")
    for case in vector["does_not_open"]:
        if opens(vector["keys"], case) is not None:
            sys.exit(f"it opens, but must not: {case['why']}")
    print(f"opened, and {len(vector['does_not_open'])} others did not open")
