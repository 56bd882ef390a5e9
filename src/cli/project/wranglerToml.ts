import { parse } from 'smol-toml'
import { isObject, type JsonObject } from '../../isObject.ts'
import { CliError } from '../errors.ts'

/** What the CLI needs from wrangler.toml. */
export interface WranglerConfig {
  worker: string
  /** The main module. */
  main: string
  compatibilityDate: string
  bucket: string
  vars: Record<string, string>
  /** The bindings of Durable Objects. */
  objects: readonly { binding: string; className: string }[]
  /** The host names that are custom domains of the Worker. */
  customDomains: readonly string[]
}

const stringOr = (value: unknown, otherwise: string): string =>
  typeof value === 'string' ? value : otherwise

/** The tables of a list; none where it is not one. */
export const tablesIn = (value: unknown): JsonObject[] => (Array.isArray(value) ? value : []).filter(isObject)

/** The table of a TOML text; `file` is its name, for the message. */
export const parseToml = (text: string, file: string): JsonObject => {
  try {
    return parse(text)
  } catch (cause) {
    const reason = cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause)
    throw new CliError('bad-config', `${file} is not valid TOML: ${reason}`, { cause })
  }
}

/** Reads the text of a wrangler.toml; `file` is its name, for messages. */
export function readWranglerToml(text: string, file: string): WranglerConfig {
  const config = parseToml(text, file)
  const { name, main, compatibility_date: date, vars } = config
  const bucket = tablesIn(config['r2_buckets']).find((entry) => entry['binding'] === 'BLOBS')
  const { bindings } = isObject(config['durable_objects']) ? config['durable_objects'] : {}
  const routes = [...tablesIn(config['routes']), ...tablesIn([config['route']])]
  const strings = Object.entries(isObject(vars) ? vars : {}).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  )
  return {
    worker: stringOr(name, 'cirrus'),
    main: stringOr(main, ''),
    compatibilityDate: stringOr(date, ''),
    bucket: stringOr(bucket?.['bucket_name'], 'cirrus-blobs'),
    vars: Object.fromEntries(strings),
    objects: tablesIn(bindings).map((entry) => ({
      binding: stringOr(entry['name'], ''),
      className: stringOr(entry['class_name'], ''),
    })),
    customDomains: routes
      .filter((route) => route['custom_domain'] === true)
      .map((route) => stringOr(route['pattern'], '')),
  }
}

const TABLE_HEADING = /^\s*\[/
const VARS_HEADING = /^\s*\[\s*vars\s*\]\s*(#.*)?$/
/** Matches an assignment. Its group is what follows the value: white space and a comment. */
const AFTER_VALUE = /^\s*(?:[\w-]+|"[^"]*")\s*=\s*(?:"(?:[^"\\]|\\.)*"|'[^']*'|[^#\n]*?)(\s*#.*)?$/

/**
 * Sets vars in the `[vars]` table. The file is edited as text, line by line, so that the owner's comments and order
 * stay. It throws if the new text would not be read back with exactly these values.
 */
export function editVars(text: string, values: Readonly<Record<string, string>>, file: string): string {
  parseToml(text, file)
  const lines = text.replace(/\n$/, '').split('\n')
  let start = lines.findIndex((line) => VARS_HEADING.test(line))
  if (start < 0) {
    lines.push('', '[vars]')
    start = lines.length - 1
  }
  const next = lines.findIndex((line, index) => index > start && TABLE_HEADING.test(line))
  let end = next < 0 ? lines.length : next
  for (const [name, value] of Object.entries(values)) {
    const found = lines.findIndex(
      (line, n) => n > start && n < end && new RegExp(`^\\s*(?:${name}|"${name}")\\s*=`).test(line),
    )
    const assignment = `${name} = ${JSON.stringify(value)}`
    if (found >= 0) lines[found] = assignment + (AFTER_VALUE.exec(lines[found] ?? '')?.[1] ?? '')
    else {
      let insert = end
      while (insert > start + 1 && lines[insert - 1]?.trim() === '') insert--
      lines.splice(insert, 0, assignment)
      end++
    }
  }
  const edited = `${lines.join('\n')}\n`
  const { vars } = readWranglerToml(edited, file)
  const wrong = Object.entries(values).find(([name, value]) => vars[name] !== value)
  if (wrong)
    throw new CliError(
      'bad-config',
      `${file}: [vars] ${wrong[0]} could not be set, because the table is written in a form that is not understood`,
      {
        next: `set ${wrong[0]} = ${JSON.stringify(wrong[1])} in [vars] yourself, then run the command again`,
      },
    )
  return edited
}
