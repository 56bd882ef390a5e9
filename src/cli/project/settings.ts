/** What the Worker of this version needs in wrangler.toml. `pds init` writes it, `pds upgrade` adds what is missing. */

/** The oldest compatibility date with which the Worker was tested. */
export const COMPATIBILITY_DATE = '2026-10-01'

/** The wrangler with which the Worker was tested. */
export const WRANGLER_VERSION = '4.156.2'

/** A class of Durable Objects, and the binding by which the Worker reaches it. */
export interface ObjectClass {
  readonly binding: string
  readonly className: string
  /** The migration that creates it, in a new wrangler.toml. */
  readonly tag: string
  readonly comment: string
}

export const OBJECT_CLASSES: readonly ObjectClass[] = [
  { binding: 'ACCOUNT', className: 'AccountObject', tag: 'v1', comment: '# The account itself.' },
  {
    binding: 'PASSWORDS',
    className: 'PasswordObject',
    tag: 'v2',
    comment: '# Checks passwords, so that this does not hold up the account.',
  },
]

export const BUCKET_BINDING = 'BLOBS'

export const bindingBlock = ({ binding, className, comment }: ObjectClass): string =>
  `${comment}\n[[durable_objects.bindings]]\nname = "${binding}"\nclass_name = "${className}"\n`

export const migrationBlock = (tag: string, className: string): string =>
  `[[migrations]]\ntag = "${tag}"\nnew_sqlite_classes = ["${className}"]\n`

export const bucketBlock = (bucket: string): string =>
  `# Blobs: images and videos of posts.\n[[r2_buckets]]\nbinding = "${BUCKET_BINDING}"\nbucket_name = "${bucket}"\n`

export const OBSERVABILITY_BLOCK = `# Keeps the Worker's log lines for some days: see the dashboard. They hold no secrets. The platform's own lines, which
# have whole addresses, are left out.
[observability]
enabled = true
logs.invocation_logs = false
`

/** At the top of the file: below a heading it would be another setting. */
export const KEEP_NAMES_LINES = '# Faster to start, at the cost of names in stack traces.\nkeep_names = false'

/** The wrangler.toml of a new deployment. */
export const newWranglerToml = (name: string): string =>
  [
    `# A Cirrus, written by \`pds init\`. Yours to change; \`pds upgrade\` adds what a later version needs.
name = "${name}"
main = "worker.js"
compatibility_date = "${COMPATIBILITY_DATE}"
minify = true
${KEEP_NAMES_LINES}
`,
    `# Filled in by \`pds init\`. Secrets are never written here.
[vars]
DID = ""
HANDLE = ""
HOSTNAME = ""
PLC_DIRECTORY_URL = "https://plc.directory"
RECOVERY_KEYS = ""
# Where the account is kept: a jurisdiction such as "eu", or a hint such as "weur". Only before the first deploy.
# DATA_LOCATION = ""
`,
    ...OBJECT_CLASSES.map(bindingBlock),
    ...OBJECT_CLASSES.map(({ tag, className }) => migrationBlock(tag, className)),
    bucketBlock(`${name}-blobs`),
    OBSERVABILITY_BLOCK,
  ].join('\n')
