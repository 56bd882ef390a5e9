import type { Writable } from 'node:stream'
import { cleanText } from './cleanText.ts'

export interface Terminal extends Writable {
  isTTY?: boolean
  columns?: number
}

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan'
export type Paint = (style: Style, text: string) => string

const ANSI_CODES: Record<Style, readonly [number, number]> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
}

export type Env = Readonly<Record<string, string | undefined>>

/** Colour for a terminal only. https://no-color.org: any value of NO_COLOR but the empty one switches it off. */
const hasColour = (stream: Terminal, env: Env): boolean => {
  const forced = env['FORCE_COLOR'] !== undefined && env['FORCE_COLOR'] !== '' && env['FORCE_COLOR'] !== '0'
  return !env['NO_COLOR'] && (forced || (stream.isTTY === true && env['TERM'] !== 'dumb'))
}

/** A stream that people read. */
export interface Screen {
  /** Colours text for `write`. */
  readonly paint: Paint
  /** Writes text. Nothing in it but colours of `paint` is anything but text. */
  write(text: string): void
  /** Empties the line that the cursor is in. */
  eraseLine(): void
}

/**
 * The one place where text reaches a stream, and where it is cleaned, no matter who wrote it. `paint` only marks where a
 * colour begins and ends, with a `secret` that no server knows; the escapes are put in after the cleaning.
 */
export function createScreen(stream: Terminal, env: Env, secret: string): Screen {
  const colour = hasColour(stream, env)
  const mark = (code: number) => `<${secret}:${code}>`
  const marks = new RegExp(`<${secret}:(\\d+)>`, 'g')
  return {
    paint: (style, text) => {
      const [on, off] = ANSI_CODES[style]
      return colour ? `${mark(on)}${text}${mark(off)}` : text
    },
    write: (text) => void stream.write(cleanText(text).replace(marks, '\u001B[$1m')),
    eraseLine: () => void stream.write('\r\u001B[2K'),
  }
}
