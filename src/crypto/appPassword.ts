import { Buffer } from 'node:buffer'
import { createHash } from 'node:crypto'
import type { Secret } from './secret.ts'

/** RFC 4648, in lower case. */
const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567'
const CHARACTERS = 16
const FORM = /^[a-z2-7]{4}(-[a-z2-7]{4}){3}$/

/** `xxxx-xxxx-xxxx-xxxx`: 80 bits by chance. `random` is the platform's. */
export const newAppPassword = (random: (length: number) => Uint8Array): string =>
  // 256 is a multiple of 32, so that each character is as likely as any other.
  Array.from(random(CHARACTERS), (byte) => BASE32.charAt(byte % BASE32.length))
    .join('')
    .replace(/(.{4})(?=.)/g, '$1-')

/** As it was typed or pasted: spaces around it and capitals make no other app password of it. */
const normalized = (password: Secret): string => password.reveal().trim().toLowerCase()

/** Whether a password has the form of an app password. */
export const isAppPassword = (password: Secret): boolean => FORM.test(normalized(password))

/**
 * The hash that is stored. It is a fast one: nobody finds 80 random bits by trying, however fast each try is. A password
 * that a person chose needs scrypt, see `password.ts`.
 */
export const hashAppPassword = (did: string, password: Secret): string =>
  Buffer.from(
    createHash('sha256')
      .update(`app-password:${did}:${normalized(password)}`)
      .digest(),
  ).toString('base64url')
