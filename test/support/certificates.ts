import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A key pair with its certificate: as files for a broker, as texts for a client. */
export interface Identity {
  readonly certificatePath: string;
  readonly keyPath: string;
  readonly certificate: string;
  readonly key: string;
}

const CURVE = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];

/** A certificate authority in a temporary folder, made with openssl. */
export class Authority {
  readonly folder = mkdtempSync(join(tmpdir(), "lockbridge-ca-"));
  readonly path = join(this.folder, "ca.crt");
  readonly certificate: string;

  constructor(name = "test authority") {
    this.#openssl(
      "req",
      "-x509",
      ...CURVE,
      "-days",
      "2",
      "-subj",
      `/CN=${name}`,
      "-keyout",
      "ca.key",
      "-out",
      "ca.crt",
    );
    writeFileSync(join(this.folder, "ca.cnf"), CA_CONFIG);
    writeFileSync(join(this.folder, "index.txt"), "");
    writeFileSync(join(this.folder, "serial"), "01\n");
    this.certificate = readFileSync(this.path, "utf8");
  }

  /** Valid for 127.0.0.1 and localhost as a server, and as a client by its name; now, or only yesterday. */
  issue(name: string, validity: "valid" | "expired" = "valid"): Identity {
    const [request, certificate, key] = [`${name}.csr`, `${name}.crt`, `${name}.key`];
    this.#openssl("req", ...CURVE, "-subj", `/CN=${name}`, "-keyout", key, "-out", request);
    const [from, to] = validity === "valid" ? [-1, 2] : [-2, -1];
    const dates = ["-startdate", openSslDate(from), "-enddate", openSslDate(to)];
    this.#openssl("ca", "-batch", "-config", "ca.cnf", ...dates, "-in", request, "-out", certificate);
    const [certificatePath, keyPath] = [join(this.folder, certificate), join(this.folder, key)];
    return {
      certificatePath,
      keyPath,
      certificate: readFileSync(certificatePath, "utf8"),
      key: readFileSync(keyPath, "utf8"),
    };
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  #openssl(...words: string[]): void {
    execFileSync("openssl", words, { cwd: this.folder, stdio: "pipe" });
  }
}

const CA_CONFIG = `[ca]
default_ca = authority
[authority]
database = index.txt
new_certs_dir = .
certificate = ca.crt
private_key = ca.key
default_md = sha256
serial = serial
unique_subject = no
policy = any
x509_extensions = extensions
[any]
commonName = supplied
[extensions]
subjectAltName = IP:127.0.0.1, DNS:localhost
`;

function openSslDate(days: number): string {
  const text = new Date(Date.now() + days * 86_400_000).toISOString();
  return `${text.replace(/[-:T]/g, "").slice(0, 14)}Z`;
}
