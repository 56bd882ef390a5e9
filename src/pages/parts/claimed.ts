import { html } from 'hono/html'

/** What is not seen, or changes the direction of the text around it. */
const HIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]/gu

/** A text of somebody else on one line: what would hide or turn round others is shown by its number; cut in length. */
export const visible = (text: string, max = 80): string => {
  const characters = Array.from(text.slice(0, 4 * max), (character) =>
    character.replace(
      HIDDEN,
      (hidden) => `[U+${hidden.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0')}]`,
    ),
  )
  const cut = characters.slice(0, max).join('')
  return characters.length > max || text.length > 4 * max ? `${cut}…` : cut
}

/** The same as markup that cannot change how the text around it is ordered. */
export const claimed = (text: string, max?: number) => html`<bdi>${visible(text, max)}</bdi>`

/** A host, or the scheme of an app, has fewer characters: cut short, it would lose the end, which says whose it is. */
export const MAX_HOST = 260

/** As long as the address of an app may be. */
export const MAX_CLIENT_ID = 4096
