import { isObject, type JsonObject } from '../../isObject.ts'
import { CliError } from '../errors.ts'
import {
  bindingBlock,
  BUCKET_BINDING,
  bucketBlock,
  COMPATIBILITY_DATE,
  KEEP_NAMES_LINES,
  migrationBlock,
  OBJECT_CLASSES,
  OBSERVABILITY_BLOCK,
} from './settings.ts'
import { parseToml, readWranglerToml, tablesIn } from './wranglerToml.ts'

/** A setting that this version needs and wrangler.toml lacks. */
export interface MissingSetting {
  /** What it is, for the user. */
  readonly what: string
  /** What is to be added at the end of the file. */
  readonly block?: string
  /** What takes the place of the text that is found, or comes first in the file. */
  readonly line?: { readonly found: RegExp; readonly text: string }
  /** What follows the line of the compatibility date, or comes first. */
  readonly top?: string
}

/** What this version needs and the text of a wrangler.toml lacks. Settings that the owner changed are left alone. */
export function missingSettings(text: string, file: string): MissingSetting[] {
  const config = parseToml(text, file)
  return [
    ...missingDate(text, file),
    ...('keep_names' in config
      ? []
      : [{ what: 'names of functions are left out (keep_names)', top: KEEP_NAMES_LINES }]),
    ...missingBindings(text, file),
    ...missingMigrations(config),
    ...missingBucket(config, text, file),
    ...('observability' in config
      ? []
      : [{ what: 'logs are kept ([observability])', block: OBSERVABILITY_BLOCK }]),
  ]
}

const DATE_LINE = /^\s*compatibility_date\s*=.*$/m

const missingDate = (text: string, file: string): MissingSetting[] => {
  const { compatibilityDate } = readWranglerToml(text, file)
  if (compatibilityDate >= COMPATIBILITY_DATE) return []
  return [
    {
      what: `compatibility_date ${COMPATIBILITY_DATE}${compatibilityDate ? `, not ${compatibilityDate}` : ''}`,
      line: {
        found: /^\s*compatibility_date\s*=\s*["'][^"'\n]*["']/m,
        text: `compatibility_date = "${COMPATIBILITY_DATE}"`,
      },
    },
  ]
}

const missingBindings = (text: string, file: string): MissingSetting[] => {
  const { objects } = readWranglerToml(text, file)
  return OBJECT_CLASSES.flatMap((wanted) => {
    const found = objects.find(({ binding }) => binding === wanted.binding)
    if (!found)
      return [{ what: `the binding ${wanted.binding} of ${wanted.className}`, block: bindingBlock(wanted) }]
    if (found.className === wanted.className) return []
    throw new CliError(
      'bad-config',
      `${file}: the Durable Object binding ${wanted.binding} is of the class ${found.className}, and Cirrus needs ${wanted.className} there`,
      { next: 'rename your own binding: Cirrus cannot use another name' },
    )
  })
}

/** Every class that some migration has created, whatever the owner called it since. */
const createdClasses = (migrations: readonly JsonObject[]): unknown[] =>
  migrations.flatMap((migration) => [
    ...listIn(migration['new_sqlite_classes']),
    ...listIn(migration['new_classes']),
    ...tablesIn(migration['renamed_classes']).map((renamed) => renamed['to']),
    ...tablesIn(migration['transferred_classes']).map((transferred) => transferred['to']),
  ])

const listIn = (value: unknown): unknown[] => (Array.isArray(value) ? value : [])

const missingMigrations = (config: JsonObject): MissingSetting[] => {
  const migrations = tablesIn(config['migrations'])
  const created = createdClasses(migrations)
  const tags = new Set(migrations.map((migration) => migration['tag']))
  return OBJECT_CLASSES.filter(({ className }) => !created.includes(className)).map(({ className, tag }) => {
    // The owner may have migrations of their own; a tag that is there was applied already.
    const free = tags.has(tag) ? `cirrus-${tag}` : tag
    return { what: `the migration that creates ${className}`, block: migrationBlock(free, className) }
  })
}

const missingBucket = (config: JsonObject, text: string, file: string): MissingSetting[] =>
  tablesIn(config['r2_buckets']).some((bucket) => bucket['binding'] === BUCKET_BINDING)
    ? []
    : [
        {
          what: `the bucket ${BUCKET_BINDING}`,
          block: bucketBlock(`${readWranglerToml(text, file).worker}-blobs`),
        },
      ]

/** The text with these settings added, all else as it was. Throws if the text would not be read back with them. */
export function addSettings(text: string, missing: readonly MissingSetting[], file: string): string {
  const edited = missing.reduce((before, { block, line, top }) => {
    if (block) return `${before.trimEnd()}\n\n${block}`
    if (top) return DATE_LINE.test(before) ? before.replace(DATE_LINE, `$&\n${top}`) : `${top}\n${before}`
    if (!line) return before
    return line.found.test(before) ? before.replace(line.found, line.text) : `${line.text}\n${before}`
  }, text)
  const left = isToml(edited, file) ? missingSettings(edited, file) : missing
  if (left.length === 0) return edited
  throw new CliError(
    'bad-config',
    `${file} is written in a form to which these cannot be added: ${left.map(({ what }) => what).join('; ')}`,
    {
      next: `add them yourself:\n${left.map(({ block, line, top }) => block ?? top ?? line?.text ?? '').join('\n')}`,
    },
  )
}

const isToml = (text: string, file: string): boolean => {
  try {
    return isObject(parseToml(text, file))
  } catch {
    return false
  }
}
