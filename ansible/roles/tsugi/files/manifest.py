"""Prints which release a tarball holds: manifest.py <tarball> <app>.

The manifest is the first entry of the tarball, so nothing but its first few kilobytes are read.
Its SHA-256 is what tells two builds apart (releaseId).
"""

import hashlib
import json
import os
import sys
import tarfile


def main(tarball, app):
    if not os.path.isfile(tarball):
        sys.exit("There is no tarball at %r (tsugi_tarball)." % tarball)
    try:
        with tarfile.open(tarball, "r|gz") as archive:
            first = archive.next()
            content = archive.extractfile(first).read()
            manifest = json.loads(content)
            found = {key: manifest[key] for key in ("name", "version", "kind")}
    except (tarfile.TarError, ValueError, KeyError, AttributeError, OSError, EOFError) as error:
        sys.exit("%s is no release made by `tsugi release`: %s" % (tarball, error))
    if found["name"] != app:
        sys.exit("%s holds %s, and tsugi_app is %s." % (tarball, found["name"], app))
    found["releaseId"] = hashlib.sha256(content).hexdigest()
    found["tarball"] = os.path.abspath(tarball)
    print(json.dumps(found))


main(sys.argv[1], sys.argv[2])
