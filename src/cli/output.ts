/** What a command says: its result on stdout, everything else on stderr, colour only where a person reads it. */
import type { Writable } from 'node:stream'
import { docsPath } from '../docsLink.ts'
import type { CliError, Code } from './errors.ts'

export interface Terminal extends Writable {
  isTTY?: boolean
  columns?: number
}

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan'
export type Paint = (style: Style, text: string) => string

const CODES: Record<Style, readonly [number, number]> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
}

type Env = Readonly<Record<string, string | undefined>>

/** https://no-color.org: any value but the empty one switches colour off. */
export const paintFor = (stream: Terminal, env: Env): Paint => {
  const forced = env['FORCE_COLOR'] !== undefined && env['FORCE_COLOR'] !== '' && env['FORCE_COLOR'] !== '0'
  const colour = !env['NO_COLOR'] && (forced || (stream.isTTY === true && env['TERM'] !== 'dumb'))
  return (style, text) => (colour ? `\u001B[${CODES[style][0]}m${text}\u001B[${CODES[style][1]}m` : text)
}

/** What other servers say is shown, never obeyed: no control character of theirs reaches the terminal. */
export const plain = (text: string): string =>
  text.replace(/(?![\t\n])[\p{Cc}\u202A-\u202E\u2066-\u2069]/gu, '\uFFFD')

export interface Progress {
  to(done: number, total?: number): void
  end(): void
}

export interface Output {
  readonly json: boolean
  /** For text on stdout. */
  readonly paint: Paint
  /** The result, once: with `--json` the object, otherwise the text. `code`: the entry that explains what was found. */
  result(data: object, text: string, code?: Code): void
  /** One of many results, as they come; with `--json` each is one line. */
  line(data: object, text: string): void
  /** A line that is no result: for the person a note. */
  aside(data: object, text: string): void
  /** For the person. Left out with `--json`. */
  note(text?: string): void
  /** A note that matters; with `--json` it joins the result as `warnings`. */
  warn(text: string, code?: Code): void
  progress(label: string, unit?: (n: number) => string): Progress
  error(error: CliError): void
}

/** A heading on the left, what it says on the right. */
export const table = (rows: readonly (readonly [string, string])[], paint: Paint): string => {
  const width = Math.max(...rows.map(([name]) => name.length))
  const indent = ' '.repeat(width + 2)
  return rows
    .map(([name, value]) => `${paint('dim', name.padEnd(width))}  ${value.replaceAll('\n', `\n${indent}`)}`)
    .join('\n')
}

export const bytes = (n: number): string => {
  if (n < 1000) return `${n} B`
  const units = ['kB', 'MB', 'GB', 'TB']
  const power = Math.min(Math.floor(Math.log10(n) / 3), units.length)
  return `${(n / 1000 ** power).toFixed(1)} ${units[power - 1]}`
}

export const count = (n: number, one: string, many = `${one}s`): string =>
  `${n.toLocaleString('en-US')} ${n === 1 ? one : many}`

const REDRAW_MS = 100
const LINE_INTERVAL_MS = 5000

export function createOutput(options: {
  stdout: Terminal
  stderr: Terminal
  env: Env
  json: boolean
  now: () => number
}): Output {
  const { stdout, stderr, env, json, now } = options
  const paint = paintFor(stderr, env)
  const warnings: { message: string; docs?: string }[] = []
  const live = stderr.isTTY === true
  let drawn = false
  /** Whoever reads line by line wants the last ones so, too. */
  let lines = false
  const stringify = (data: object): string => JSON.stringify(data, null, lines ? undefined : 2)
  const clear = () => {
    if (drawn) stderr.write('\r\u001B[2K')
    drawn = false
  }
  const note = (text = '') => {
    clear()
    if (!json) stderr.write(`${text}\n`)
  }

  const line = (data: object, text: string) => {
    clear()
    lines = true
    stdout.write(`${json ? stringify(data) : text}\n`)
  }

  return {
    json,
    paint: paintFor(stdout, env),
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
      const shown = [text, docs && `See ${docs}`].filter(Boolean).map((part) => `${part}\n`)
      stdout.write(json ? `${stringify(full)}\n` : shown.join(''))
    },
    warn(message, code) {
      const docs = code && docsPath(code)
      warnings.push({ message, ...(docs ? { docs } : {}) })
      note(`${paint('yellow', 'Warning:')} ${message}${docs ? `\n  See ${docs}` : ''}`)
    },
    progress(label, unit = String) {
      let at = 0
      let last: readonly [number, number | undefined] = [0, undefined]
      const line = ([done, total]: typeof last) =>
        `${label}: ${unit(done)}${total === undefined ? '' : ` of ${unit(total)}`}`
      return {
        to(done, total) {
          last = [done, total]
          if (json || now() - at < (live ? REDRAW_MS : LINE_INTERVAL_MS)) return
          if (live) {
            stderr.write(`\r\u001B[2K${paint('dim', line(last))}`)
            drawn = true
          } else if (at !== 0) stderr.write(`${line(last)}\n`)
          at = now()
        },
        end() {
          note(line(last))
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
        `${paint('red', 'Error:')} ${message}\n  ${paint('bold', 'Next:')} ${next}\n  See ${docs}\n`,
      )
    },
  }
}
