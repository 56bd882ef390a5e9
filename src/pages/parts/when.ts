import { html } from 'hono/html'
import type { Markup } from './layout.ts'
import type { Visit } from '../visit.ts'

/** A time, for people and for programs. The server does not know where its reader is, so it is UTC. */
export const when = ({ language }: Visit, at: number | string): Markup => {
  const date = new Date(at)
  const format = new Intl.DateTimeFormat(language === 'en' ? 'en-GB' : language, {
    dateStyle: 'medium',
    timeStyle: 'short',
    timeZone: 'UTC',
  })
  return html`<time datetime="${date.toISOString()}">${format.format(date)} UTC</time>`
}

/** A number, as the language writes it. */
export const count = ({ language }: Visit, value: number): string => value.toLocaleString(language)
