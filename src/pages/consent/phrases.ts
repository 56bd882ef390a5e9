import { de } from './de.ts'
import { en, type Words } from './en.ts'

const WORDS = { en, de } as const satisfies Record<string, Words>

export type ConsentLanguage = keyof typeof WORDS

/** The words of a language, and how it makes a list of them. */
export interface Phrases {
  words: Words
  list(items: readonly string[]): string
}

export const phrasesIn = (language: ConsentLanguage): Phrases => {
  const format = new Intl.ListFormat(language, { type: 'conjunction' })
  return { words: WORDS[language], list: (items) => format.format(items) }
}

const MAX_LENGTH = 200

/** A part of a scope as it may be shown: it may hold any character, also those that change the text around it. */
export const shown = (text: string): string => {
  const escaped = text.toWellFormed().replace(/[^!-~]/gu, (character) => encodeURIComponent(character))
  return escaped.length > MAX_LENGTH ? `${escaped.slice(0, MAX_LENGTH)}…` : escaped
}
