/**
 * What a secret looks like. The forms are those that the issuers document and that secretlint and
 * gitleaks look for; each begins with words of its own (`starts`), which are searched for first:
 * a packed file is only held against the rules whose words it has.
 *
 * Left out, since they would be wrong more often than right: JSON Web Tokens (public keys of
 * browsers are such) and random-looking text in general.
 */

export interface SecretRule {
  id: string;
  /** `{file} holds {what}`. */
  what: string;
  starts: string[];
  /** Global. Its first group, where it has one, is the secret itself. */
  pattern: RegExp;
  /** Only in files of such a path. */
  files?: RegExp;
  /** Only in the project's own files: packages are full of examples. */
  isOwnOnly?: boolean;
  /** A match that is none: an example, a placeholder. */
  isNone?: (secret: string) => boolean;
}

/**
 * PKCS#8, PKCS#1 or SEC 1: a sequence over all of it that begins with a version, which a certificate and a
 * public key do not.
 */
export function isPrivateDer(bytes: Buffer): boolean {
  if (bytes.length < 40 || bytes[0] !== 0x30) return false;
  const long = bytes[1]! & 0x80 ? bytes[1]! & 0x7f : 0;
  if (long > 3) return false;
  const length = long === 0 ? bytes[1]! : bytes.readUIntBE(2, long);
  const at = 2 + long;
  if (at + length !== bytes.length) return false;
  const version = bytes.subarray(at, at + 3).toString("hex");
  const next = bytes[at + 3];
  // The key's algorithm, its modulus, or its 32 and more bytes.
  return (
    (version === "020100" && (next === 0x30 || next === 0x02)) ||
    (version === "020101" && next === 0x04)
  );
}

const rule = (
  id: string,
  what: string,
  starts: string[],
  pattern: RegExp,
  more: Partial<SecretRule> = {},
): SecretRule => ({ id, what, starts, pattern, ...more });

/** Characters of base64url, and where a token ends. */
const END = "(?![A-Za-z0-9_-])";
const token = (body: string): RegExp => new RegExp(`(?<![A-Za-z0-9_-])${body}${END}`, "g");

/** Settings that a person writes: elsewhere `password = "…"` is code more often than not. */
const SETTINGS = /\.(?:ya?ml|toml|ini|properties|conf|cnf|cfg)$/i;

/** It has a digit, or more than one kind of letter: no word of a language, as in a schema. */
export const isWord = (secret: string): boolean => /^(?:[a-z]+|[A-Z]+|[A-Z]?[a-z]+)$/.test(secret);

export const RULES: readonly SecretRule[] = [
  rule(
    "private-key",
    "a private key",
    ["PRIVATE KEY"],
    // Also inside a string, where the line breaks are written as \n.
    /-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----(?:\s|\\r|\\n)+((?:[A-Za-z0-9+/=]{16,}(?:\s|\\r|\\n)*){3,})/g,
  ),
  rule("age", "a private key of age", ["AGE-SECRET-KEY-1"], token("AGE-SECRET-KEY-1[A-Z0-9]{58}")),
  rule("aws-id", "an AWS access key", ["AKIA", "ASIA"], token("(?:AKIA|ASIA)[A-Z2-7]{16}"), {
    isNone: (secret) => secret.endsWith("EXAMPLE"),
  }),
  rule(
    "aws-secret",
    "an AWS secret access key",
    ["aws_secret_access_key", "AWS_SECRET_ACCESS_KEY"],
    /aws_secret_access_key["']?\s*[:=]\s*["']?([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])/gi,
    { isNone: (secret) => /EXAMPLE/i.test(secret) },
  ),
  rule(
    "azure-storage",
    "an Azure storage key",
    ["AccountKey="],
    /AccountKey=([A-Za-z0-9+/]{86}==)/g,
  ),
  rule(
    "github",
    "a GitHub token",
    ["ghp_", "gho_", "ghu_", "ghs_", "ghr_"],
    token("gh[pousr]_[A-Za-z0-9]{36,251}"),
  ),
  rule(
    "github-fine",
    "a GitHub token",
    ["github_pat_"],
    token("github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}"),
  ),
  rule(
    "gitlab",
    "a GitLab token",
    ["glpat-", "gldt-", "glrt-", "glptt-"],
    token("(?:glpat|gldt|glrt|glptt)-[A-Za-z0-9_-]{20,128}(?:\\.[a-z0-9.]{1,40})?"),
  ),
  rule(
    "slack",
    "a Slack token",
    ["xoxb-", "xoxp-", "xoxa-", "xoxr-", "xoxe-", "xapp-"],
    token("(?:xox[abepr]|xapp)-(?:[0-9]-)?(?:[A-Za-z0-9]{8,40}-)+[A-Za-z0-9]{16,160}"),
  ),
  rule(
    "slack-webhook",
    "the address of a Slack webhook",
    ["hooks.slack.com/services/"],
    /hooks\.slack\.com\/services\/(T[A-Z0-9]{8,}\/B[A-Z0-9]{8,}\/[A-Za-z0-9]{20,})/g,
    {
      isNone: (secret) => /0{8}|X{8}/.test(secret),
    },
  ),
  rule("stripe", "a Stripe key", ["sk_live_", "rk_live_"], token("[rs]k_live_[A-Za-z0-9]{20,247}")),
  rule("stripe-webhook", "a Stripe webhook secret", ["whsec_"], token("whsec_[A-Za-z0-9+/]{32,}")),
  rule("npm", "an npm token", ["npm_"], token("npm_[A-Za-z0-9]{36}")),
  rule(
    "npmrc",
    "a token of a package registry",
    ["_authToken", "_password", "_auth", "npmAuthToken", "npmAuthIdent"],
    /(?:^|[:\s])(?:_authToken|_password|_auth|npmAuthToken|npmAuthIdent)["']?\s*[:=]\s*["']?([^\s"'$#{}<>]{16,})/gm,
    { isOwnOnly: true },
  ),
  rule("google-oauth", "a Google client secret", ["GOCSPX-"], token("GOCSPX-[A-Za-z0-9_-]{28}")),
  rule("google-api", "a Google API key", ["AIza"], token("AIza[A-Za-z0-9_-]{35}")),
  rule(
    "openai",
    "an OpenAI key",
    ["T3BlbkFJ"],
    token("sk-(?:(?:proj|svcacct|admin)-)?[A-Za-z0-9_-]{20,74}T3BlbkFJ[A-Za-z0-9_-]{20,74}"),
  ),
  rule(
    "anthropic",
    "an Anthropic key",
    ["sk-ant-"],
    token("sk-ant-[a-z]{3,5}\\d{2}-[A-Za-z0-9_-]{80,128}"),
  ),
  rule("huggingface", "a Hugging Face token", ["hf_"], token("hf_[A-Za-z]{34}")),
  rule("sendgrid", "a SendGrid key", ["SG."], token("SG\\.[A-Za-z0-9_-]{22}\\.[A-Za-z0-9_-]{43}")),
  rule("mailgun", "a Mailgun key", ["key-"], token("key-[0-9a-f]{32}")),
  rule("twilio", "a Twilio key", ["SK"], /(?<![A-Za-z0-9])SK[0-9a-f]{32}(?![A-Za-z0-9])/g, {
    isOwnOnly: true,
  }),
  rule(
    "telegram",
    "a Telegram bot token",
    [":AA"],
    /(?<!\w)\d{8,10}:AA[A-Za-z0-9_-]{33}(?![A-Za-z0-9_-])/g,
  ),
  rule(
    "shopify",
    "a Shopify token",
    ["shpat_", "shpca_", "shppa_", "shpss_"],
    token("shp(?:at|ca|pa|ss)_[A-Fa-f0-9]{32}"),
  ),
  rule(
    "digitalocean",
    "a DigitalOcean token",
    ["dop_v1_", "doo_v1_", "dor_v1_"],
    token("do[opr]_v1_[a-f0-9]{64}"),
  ),
  rule(
    "docker",
    "a Docker token",
    ["dckr_pat_", "dckr_oat_"],
    token("dckr_[po]at_[A-Za-z0-9_-]{27,32}"),
  ),
  rule("databricks", "a Databricks token", ["dapi"], token("dapi[a-f0-9]{32}(?:-\\d)?")),
  rule("grafana", "a Grafana token", ["glsa_"], token("glsa_[A-Za-z0-9]{32}_[A-Fa-f0-9]{8}")),
  rule(
    "vault",
    "a HashiCorp Vault token",
    ["hvs.", "hvb."],
    token("hv[sb]\\.[A-Za-z0-9_-]{90,180}"),
  ),
  rule("linear", "a Linear key", ["lin_api_"], token("lin_api_[A-Za-z0-9]{40}")),
  rule("notion", "a Notion token", ["ntn_"], token("ntn_[0-9]{11}[A-Za-z0-9]{35}")),
  rule("figma", "a Figma token", ["figd_"], token("figd_[A-Za-z0-9_-]{40,200}")),
  rule("new-relic", "a New Relic key", ["NRAK-"], token("NRAK-[A-Z0-9]{27}")),
  rule(
    "doppler",
    "a Doppler token",
    ["dp.pt.", "dp.st."],
    token("dp\\.(?:pt|st\\.[a-z0-9_-]{2,35})\\.[A-Za-z0-9]{40,44}"),
  ),
  rule(
    "planetscale",
    "a PlanetScale password",
    ["pscale_"],
    token("pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_=.-]{32,64}"),
  ),
  rule("heroku", "a Heroku key", ["HRKU-AA"], token("HRKU-AA[A-Za-z0-9_-]{58}")),
  rule(
    "pypi",
    "a PyPI token",
    ["pypi-AgEIcHlwaS5vcmc"],
    token("pypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{50,}"),
  ),
  rule(
    "private-key-base64",
    "a private key, in base64",
    ["LS0tLS1CRUdJTi"],
    /LS0tLS1CRUdJTi[A-Za-z0-9+/=\r\n]{80,}/g,
    {
      isOwnOnly: true,
      isNone: (secret) => !/PRIVATE KEY/.test(Buffer.from(secret, "base64").toString("latin1")),
    },
  ),
  rule(
    "private-key-der-base64",
    "a private key, in base64",
    ["MII", "MIG", "MC4", "MHc"],
    /(?<![A-Za-z0-9+/=-])(?:MII|MIG|MC4|MHc)[A-Za-z0-9+/]{57,}={0,2}(?![A-Za-z0-9+/])/g,
    { isOwnOnly: true, isNone: (secret) => !isPrivateDer(Buffer.from(secret, "base64")) },
  ),
  rule(
    "jwk",
    "a private key (JWK)",
    ['"kty"'],
    /\{(?=[^{}]*"kty"\s*:\s*"(?:RSA|EC|OKP|oct)")[^{}]*"(?:d|k)"\s*:\s*"([A-Za-z0-9_-]{20,})"[^{}]*\}/g,
    { isOwnOnly: true },
  ),
  rule(
    "settings-password",
    "a password",
    ["assword", "ASSWORD", "asswd", "ASSWD", "_password"],
    /^[ \t]*(?:- )?["']?[\w.-]*(?:password|passwd)["']?[ \t]*[:=][ \t]*["']?([^\s"'#$<>{}%&*!|]{8,})/gim,
    { isOwnOnly: true, files: SETTINGS, isNone: isWord },
  ),
  // Its key stands behind a semicolon: `url.username=a;url.password=b` is code.
  rule(
    "connection-string",
    "a connection with a password",
    ["assword", "ASSWORD", "_password", "Pwd=", "pwd=", "PWD="],
    /(?:Server|Data Source|Host|User Id|Uid|Username|Database)[ ]*=[^;"'\n]*;(?:[^"'\n]{0,300}?;)?[ ]*(?:Password|Pwd)[ ]*=[ ]*([^;"'\s$<>{}]{8,})/gi,
    { isOwnOnly: true, isNone: isWord },
  ),
  rule(
    "url",
    "an address with a password",
    ["://"],
    /\b(?:postgres(?:ql)?|mysql|mariadb|mongodb(?:\+srv)?|rediss?|amqps?|https?):\/\/[^\s:/@"'`<>${}]{1,64}:([^\s:/@"'`<>${}]{8,128})@(?!localhost\b|127\.|\[::1\]|example\.|[^/\s]*\.example\b)[A-Za-z0-9.-]+/g,
    {
      isOwnOnly: true,
      isNone: (secret) =>
        /^(?:pass(?:word|wd)?\d*|secret|changeme|example|x+|\*+|\.+|your.*)$/i.test(secret),
    },
  ),
];

/** Files that are credentials, whatever stands in them. Held against the path. */
export const CREDENTIAL_FILES: readonly { pattern: RegExp; what: string; names: string }[] = [
  {
    pattern: /\.(?:p12|pfx|jks|keystore|bks)$/i,
    what: "a key store",
    names: "*.p12, *.pfx, *.jks, *.keystore, *.bks",
  },
  { pattern: /\.kdbx$/i, what: "a password database", names: "*.kdbx" },
  { pattern: /\.ppk$/i, what: "a private key of PuTTY", names: "*.ppk" },
  {
    pattern: /(^|\/)id_(?:rsa|dsa|ecdsa|ed25519)(?:_sk)?$/,
    what: "a private key of ssh",
    names: "id_rsa, id_ed25519, …",
  },
  { pattern: /(^|\/)[._]netrc$/, what: "passwords", names: ".netrc" },
  { pattern: /(^|\/)\.pgpass$/, what: "passwords", names: ".pgpass" },
  { pattern: /(^|\/)\.my\.cnf$/, what: "passwords", names: ".my.cnf" },
  { pattern: /(^|\/)\.git-credentials$/, what: "passwords", names: ".git-credentials" },
  { pattern: /(^|\/)\.aws\/credentials$/, what: "AWS credentials", names: ".aws/credentials" },
  {
    pattern: /(^|\/)\.docker\/config\.json$/,
    what: "credentials of Docker",
    names: ".docker/config.json",
  },
  { pattern: /(^|\/)\.kube\/config$/, what: "credentials of Kubernetes", names: ".kube/config" },
  {
    pattern: /(^|\/)\.docker(?:configjson|cfg)$/,
    what: "credentials of Docker",
    names: ".dockerconfigjson, .dockercfg",
  },
  { pattern: /(^|\/)\.htpasswd$/, what: "passwords", names: ".htpasswd" },
  {
    pattern: /(^|\/)application_default_credentials\.json$/,
    what: "credentials of Google Cloud",
    names: "application_default_credentials.json",
  },
  { pattern: /\.tfstate(?:\.backup)?$/, what: "a state of Terraform", names: "*.tfstate" },
];
