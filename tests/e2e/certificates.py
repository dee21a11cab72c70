"""Keys and certificates for the tests of TLS: an authority, a server, clients, and a second authority that nobody trusts."""
import shutil
import ssl
import subprocess

from support import ACCOUNT, wait_for


class Certificates:
    """In a folder: ca, server (localhost, 127.0.0.1), alice (a client), stranger and stranger-ca (of the second authority)."""

    def __init__(self, home):
        self.home = home
        home.mkdir(exist_ok=True)
        self.authority("ca")
        self.authority("stranger-ca")
        self.signed("server", "localhost", "ca", "subjectAltName=DNS:localhost,IP:127.0.0.1")
        self.signed("elsewhere", "db.example.org", "ca", "subjectAltName=DNS:db.example.org")
        self.signed("alice", "alice", "ca")
        self.signed("stranger", "alice", "stranger-ca")

    def openssl(self, *words):
        subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=self.home, timeout=60)

    def authority(self, name):
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", f"/CN={name}",
                     "-keyout", f"{name}.key", "-out", f"{name}.crt")

    def signed(self, name, common_name, authority, extension="basicConstraints=CA:FALSE"):
        # RSA, so that every way to exchange keys can be asked for.
        self.openssl("req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={common_name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        (self.home / f"{name}.ext").write_text(extension + "\n")
        self.openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{authority}.crt", "-CAkey", f"{authority}.key", "-CAcreateserial", "-days", "2",
                     "-extfile", f"{name}.ext", "-out", f"{name}.crt")
        (self.home / f"{name}.key").chmod(0o600)

    def path(self, name):
        return self.home / name

    def text(self, name):
        return (self.home / name).read_text()

    def files(self):
        """For a Pooler, which has its own copies."""
        return {name: self.text(name) for name in ("ca.crt", "server.crt", "server.key", "alice.crt", "alice.key", "stranger-ca.crt")}

    def secure(self, server, certificate="server", hba="hostssl all all 127.0.0.1/32 trust\n"):
        """Lets a running server have TLS, and lets in what the lines say."""
        for name in (f"{certificate}.crt", f"{certificate}.key", "ca.crt"):
            shutil.copy(self.path(name), server.data / name)
            shutil.chown(server.data / name, ACCOUNT)
            (server.data / name).chmod(0o600)
        for name, value in (("cert", f"{certificate}.crt"), ("key", f"{certificate}.key"), ("ca", "ca.crt")):
            server.psql(f"ALTER SYSTEM SET ssl_{name}_file = '{value}'")
        server.psql("ALTER SYSTEM SET ssl = on")
        (server.data / "pg_hba.conf").write_text("local all all trust\n" + hba)
        server.psql("SELECT pg_reload_conf()")
        wait_for(lambda: server.psql("SHOW ssl") == [["on"]], "the server has TLS")

    def context(self, certificate=None):
        """Of a client that trusts the authority."""
        context = ssl.create_default_context(cafile=str(self.path("ca.crt")))
        if certificate:
            context.load_cert_chain(self.path(f"{certificate}.crt"), self.path(f"{certificate}.key"))
        return context


# What a pooler needs to take TLS from its clients.
FOR_CLIENTS = {"client_tls_sslmode": "allow", "client_tls_key_file": "HOME/server.key", "client_tls_cert_file": "HOME/server.crt"}
