import {
  isAtIdentifierString,
  isAtUriString,
  isDatetimeString,
  isValidDid,
  isValidHandle,
  isValidLanguage,
  isValidNsid,
  isValidRecordKey,
  isValidTid,
  isValidUri,
} from '@atproto/syntax'
import { CID } from 'multiformats/cid'

const isCid = (text: string): boolean => {
  try {
    CID.parse(text)
    return true
  } catch {
    return false
  }
}

const FORMATS: Readonly<Record<string, (text: string) => boolean>> = {
  'at-identifier': isAtIdentifierString,
  'at-uri': isAtUriString,
  cid: isCid,
  datetime: isDatetimeString,
  did: isValidDid,
  handle: isValidHandle,
  language: isValidLanguage,
  nsid: isValidNsid,
  'record-key': isValidRecordKey,
  tid: isValidTid,
  uri: isValidUri,
}

/** The formats of https://atproto.com/specs/lexicon#string-formats, strictly. Another one accepts everything. */
export const isFormat = (format: string, text: string): boolean => {
  const check = Object.hasOwn(FORMATS, format) ? FORMATS[format] : undefined
  return check === undefined || check(text)
}
