import { cleanJson } from './cleanText.ts'
import { docsPath } from '../../docsLink.ts'
import type { CliError, Code } from '../errors.ts'
import { createScreen, type Env, type Paint, type Terminal } from './screen.ts'

export type { Paint, Terminal } from './screen.ts'

/** Shows how far something has come: on a terminal, as a line that is redrawn. */
export interface Progress {
  /** `more` is shown behind it, such as the rate. */
  to(done: number, total?: number, more?: string): void
  end(): void
}

/** What a command prints: its result on stdout, everything else on stderr. */
export interface Output {
  readonly json: boolean
  /** Colours text for stdout. */
  readonly paint: Paint
  /** The result, once: with `--json` the object, otherwise the text. `code` is that of the problem which was found. */
  result(data: object, text: string, code?: Code): void
  /** One of several results, as it arrives; with `--json` each is one line. */
  line(data: object, text: string): void
  /** Something that happened between the results: with `--json` a line on stdout, otherwise a note. */
  aside(data: object, text: string): void
  /** For the user, on stderr. Left out with `--json`. */
  note(text?: string): void
  /** An important note; with `--json` it is added to the result, in `warnings`. */
  warn(text: string, code?: Code): void
  /** `unit` formats the numbers. Default: a plain count. */
  progress(label: string, unit?: (n: number) => string): Progress
  error(error: CliError): void
  /** Text on stdout as it is, with `--json` too. */
  text(text: string): void
  /** Where a bug happened, on stderr, with `--json` too. */
  debug(text: string): void
}

/** A message of several lines, of which only the first begins like one of `pds`: the others may be a server's. */
const indented = (text: string, width: number): string => text.replaceAll('\n', `\n${' '.repeat(width)}`)

/** Two columns of headings and texts. A text may have several lines. */
export const table = (rows: readonly (readonly [string, string])[], paint: Paint): string => {
  const width = Math.max(...rows.map(([name]) => name.length))
  const indent = ' '.repeat(width + 2)
  return rows
    .map(([name, value]) => `${paint('dim', name.padEnd(width))}  ${value.replaceAll('\n', `\n${indent}`)}`)
    .join('\n')
}

/** A size with its unit: `1.5 MB`. */
export const bytes = (n: number): string => {
  if (n < 1000) return `${n} B`
  const units = ['kB', 'MB', 'GB', 'TB']
  const power = Math.min(Math.floor(Math.log10(n) / 3), units.length)
  return `${(n / 1000 ** power).toFixed(1)} ${units[power - 1]}`
}

const grouped = (n: number): string => n.toLocaleString('en-US')

/** `1 record`, `1,234 records`. */
export const count = (n: number, one: string, many = `${one}s`): string =>
  `${grouped(n)} ${n === 1 ? one : many}`

/** The first five, and a sign that there are more. */
export const firstFew = (list: readonly string[]): string =>
  `${list.slice(0, 5).join(', ')}${list.length > 5 ? ' …' : ''}`

/** How often a terminal's line of progress is redrawn. */
const REDRAW_MS = 100
/** How often a line of progress is printed where there is no terminal. */
const LINE_INTERVAL_MS = 5000

/** Prints to these streams. Colour is used only where a person reads it. */
export function createOutput(options: {
  stdout: Terminal
  stderr: Terminal
  env: Env
  json: boolean
  now: () => number
  random: (length: number) => Uint8Array
}): Output {
  const { stderr: errorStream, env, json, now } = options
  const secret = Buffer.from(options.random(16)).toString('hex')
  const [stdout, stderr] = [createScreen(options.stdout, env, secret), createScreen(errorStream, env, secret)]
  const { paint } = stderr
  const warnings: { message: string; docs?: string }[] = []
  const live = errorStream.isTTY === true
  let drawn = false
  /** Whether JSON is printed on one line: after `line`, the last object, which may be an error, is one line too. */
  let oneLine = false
  const stringify = (data: object): string => cleanJson(JSON.stringify(data, null, oneLine ? undefined : 2))
  const clear = () => {
    if (drawn) stderr.eraseLine()
    drawn = false
  }
  const note = (text = '') => {
    clear()
    if (!json) stderr.write(`${text}\n`)
  }

  const line = (data: object, text: string) => {
    clear()
    oneLine = true
    stdout.write(`${json ? stringify(data) : text}\n`)
  }

  return {
    json,
    paint: stdout.paint,
    note,
    line,
    aside(data, text) {
      if (json) line(data, text)
      else note(paint('dim', text))
    },
    result(data, text, code) {
      clear()
      const docs = code && docsPath(code)
      const full = { ...data, ...(docs && { docs }), ...(warnings.length > 0 && { warnings }) }
      const shown = [text, docs && `See ${docs}`].filter(Boolean).map((paragraph) => `${paragraph}\n`)
      stdout.write(json ? `${stringify(full)}\n` : shown.join(''))
    },
    warn(message, code) {
      const docs = code && docsPath(code)
      warnings.push({ message, ...(docs ? { docs } : {}) })
      note(`${paint('yellow', 'Warning:')} ${indented(message, 2)}${docs ? `\n  See ${docs}` : ''}`)
    },
    progress(label, unit = grouped) {
      let printedAt = 0
      let ended = false
      let last: readonly [number, number | undefined, string | undefined] = [0, undefined, undefined]
      const progressText = ([done, total, more]: typeof last) =>
        `${label}: ${unit(done)}${total === undefined ? '' : ` of ${unit(total)}`}${more ? ` (${more})` : ''}`
      return {
        to(done, total, more) {
          last = [done, total, more]
          if (json || now() - printedAt < (live ? REDRAW_MS : LINE_INTERVAL_MS)) return
          if (live) {
            stderr.eraseLine()
            stderr.write(paint('dim', progressText(last)))
            drawn = true
          } else if (printedAt !== 0) stderr.write(`${progressText(last)}\n`)
          printedAt = now()
        },
        end() {
          if (!ended) note(progressText(last))
          ended = true
        },
      }
    },
    error(error) {
      clear()
      const { code, message, next, docs, server } = error
      if (json) {
        const body = { ok: false, error: { code, message, next, docs, ...(server ? { server } : {}) } }
        stdout.write(`${stringify(warnings.length > 0 ? { ...body, warnings } : body)}\n`)
        return
      }
      stderr.write(
        `${paint('red', 'Error:')} ${indented(message, 2)}\n  ${paint('bold', 'Next:')} ${indented(next, 4)}\n  See ${docs}\n`,
      )
    },
    text: (text) => stdout.write(text),
    debug: (text) => stderr.write(text),
  }
}
