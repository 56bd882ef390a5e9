import { visible } from '../visible.ts'

/** Text that is HTML already. */
export class Markup {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

type Part = string | number | Markup | readonly Markup[] | undefined | false

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}
const MAX_TEXT_CHARS = 6000

const escape = (text: string): string =>
  visible(text, MAX_TEXT_CHARS).replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '')

const render = (part: Part): string => {
  if (part === undefined || part === false) return ''
  if (part instanceof Markup) return part.text
  if (typeof part === 'object') return part.map(({ text }) => text).join('')
  return escape(String(part))
}

/** A template of HTML. Whatever is put into it, between tags or into a quoted attribute, is text, unless it is markup. */
export const html = (strings: TemplateStringsArray, ...parts: readonly Part[]): Markup =>
  new Markup(strings.map((string, index) => `${string}${render(parts[index])}`).join(''))
