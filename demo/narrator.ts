/** Shows a person what happens, step by step, and keeps the report for machines. */
export interface Step {
  readonly step: string
  readonly ok: boolean
  readonly ms: number
  readonly detail?: string
}

export interface Report {
  readonly ok: boolean
  readonly steps: readonly Step[]
}

interface Terminal {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

/** Adds one line to the output of the current step. */
export type Tell = (line: string) => void

export interface Narrator {
  opening(title: string, text: string): void
  /** Runs one step. If it throws, the error is shown and the story ends. */
  step<T>(name: string, title: string, work: (tell: Tell) => Promise<T>): Promise<T>
  closing(text: string): void
  report(): Report
}

const WIDTH = 92
const INDENT = '      '
const FRAMES = ['·  ', '·· ', '···', ' ··', '  ·', '   ']

/** `json`: silent until `report()` is printed. */
export const createNarrator = (out: Terminal, options: { json: boolean; color: boolean }): Narrator => {
  const steps: Step[] = []
  const say = (text: string) => void (options.json || out.write(text))
  const paint = (code: number) => (text: string) =>
    options.color && !options.json ? `\u001B[${code}m${text}\u001B[0m` : text
  const [bold, dim, red, green, cyan] = [paint(1), paint(2), paint(31), paint(32), paint(36)]
  const width = Math.min(WIDTH, (out.columns ?? WIDTH) - 2)
  const live = options.color && !options.json && out.isTTY === true

  const heading = (mark: string, number: number, title: string, right: string) => {
    const left = `${String(number).padStart(2)}  ${title}`
    const gap = ' '.repeat(Math.max(1, width - left.length - 2 - right.length))
    return ` ${mark} ${dim(String(number).padStart(2))}  ${bold(title)}${gap}${dim(right)}\n`
  }
  const body = (line: string, color = (text: string) => text) =>
    line.startsWith('$ ')
      ? `${INDENT} ${dim('$')} ${cyan(line.slice(2))}\n`
      : line.startsWith('⇠ ')
        ? `${INDENT} ${cyan('⇠')} ${dim(line.slice(2))}\n`
        : wrap(line, width - INDENT.length - 1)
            .map((part) => `${INDENT} ${color(part)}\n`)
            .join('')

  return {
    opening: (title, text) => {
      say(`\n ${bold(title)}\n`)
      say(
        `${wrap(text, width)
          .map((line) => ` ${dim(line)}\n`)
          .join('')}\n`,
      )
    },
    step: async (name, title, work) => {
      const lines: string[] = []
      const number = steps.length + 1
      const start = performance.now()
      let frame = 0
      const spin = () => {
        const told = lines.at(-1)
        const now = `   ${dim(String(number).padStart(2))}  ${bold(title)} ${cyan(FRAMES[frame++ % FRAMES.length] ?? '')}`
        say(
          `\r\u001B[2K${now}${told === undefined ? '' : dim(` ${told.slice(0, Math.max(0, width - title.length - 14))}`)}`,
        )
      }
      const timer = live ? setInterval(spin, 120) : undefined
      if (live) spin()
      const end = (ok: boolean, detail: string) => {
        clearInterval(timer)
        if (live) say('\r\u001B[2K')
        const ms = Math.round(performance.now() - start)
        steps.push({ step: name, ok, ms, ...(detail === '' ? {} : { detail }) })
        say(heading(ok ? green('✓') : red('✗'), number, title, `${(ms / 1000).toFixed(2)} s`))
      }
      try {
        const value = await work((line) => lines.push(line))
        end(true, lines.join('\n'))
        say(`${lines.map((line) => body(line)).join('')}\n`)
        return value
      } catch (cause) {
        const why = explain(cause)
        end(false, [...lines, why].join('\n'))
        say(`${lines.map((line) => body(line)).join('')}${body(why, red)}\n`)
        throw cause
      }
    },
    closing: (text) =>
      say(
        `${wrap(text, width)
          .map((line) => ` ${bold(line)}\n`)
          .join('')}\n`,
      ),
    report: () => ({ ok: steps.length > 0 && steps.every(({ ok }) => ok), steps }),
  }
}

/** An error in one line; an XRPC error with the name that the server gave. */
export const explain = (cause: unknown): string => {
  if (!(cause instanceof Error)) return String(cause)
  const name = 'error' in cause && typeof cause.error === 'string' ? `${cause.error}: ` : ''
  return `${name}${cause.message}`
}

const wrap = (text: string, width: number): string[] => {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last === undefined || last.length + 1 + word.length > width) lines.push(word)
    else lines[lines.length - 1] = `${last} ${word}`
  }
  return lines
}
