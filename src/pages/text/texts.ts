import { de } from './de.ts'
import { en, type Texts } from './en.ts'

/** The languages of the pages; `ui_locales_supported` names the same. */
export const TEXTS = { en, de } as const satisfies Record<string, Texts>

export type Language = keyof typeof TEXTS

export const LANGUAGES: readonly Language[] = ['en', 'de']

export const isLanguage = (name: string | null | undefined): name is Language =>
  name !== null && name !== undefined && Object.hasOwn(TEXTS, name)

/** The language of a BCP 47 tag: `de-AT` is German. */
const languageOf = (tag: string): Language | undefined => {
  const [primary] = tag.trim().toLowerCase().split('-')
  return isLanguage(primary) ? primary : undefined
}

/** The tags of an `Accept-Language` header, the one that is wanted most first. */
const accepted = (header: string): string[] =>
  header
    .slice(0, 1000)
    .split(',')
    .map((part) => {
      const [tag = '', ...params] = part.split(';').map((piece) => piece.trim())
      const q = Number(params.find((param) => param.startsWith('q='))?.slice(2) ?? 1)
      return { tag, q: Number.isFinite(q) ? q : 0 }
    })
    .filter(({ q }) => q > 0)
    .toSorted((a, b) => b.q - a.q)
    .map(({ tag }) => tag)

/** The language that was chosen, else the first that the app asks for, else the first that the browser asks for. */
export const chooseLanguage = (wishes: {
  chosen: string | undefined
  uiLocales?: readonly string[]
  acceptLanguage: string | null
}): Language => {
  if (isLanguage(wishes.chosen)) return wishes.chosen
  const tags = [...(wishes.uiLocales ?? []), ...accepted(wishes.acceptLanguage ?? '')]
  return tags.map(languageOf).find((language) => language !== undefined) ?? 'en'
}
