import type { Visit } from '../visit.ts'
import { de } from './de.ts'
import { en, type PasskeyTexts } from './en.ts'

const TEXTS = { en, de }

/** What the pages say about passkeys, in the language of the visit. */
export const passkeyTexts = ({ language }: Visit): PasskeyTexts => TEXTS[language]
