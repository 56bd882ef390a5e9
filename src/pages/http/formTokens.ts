import { Buffer } from 'node:buffer'
import { createHash, timingSafeEqual } from 'node:crypto'

/**
 * The hidden token of a form: a hash of a cookie that no script and no other site can read. `lineage` is of the sign-in,
 * and stays the same when the owner signs in again in the same browser, so that the pages that are open go on working;
 * the form for signing in is bound to `browser` instead, because there is no sign-in yet.
 */
export const formToken = (bound: { lineage: string } | { browser: string }): string =>
  createHash('sha256')
    .update('lineage' in bound ? `form\n${bound.lineage}` : `sign-in form\n${bound.browser}`)
    .digest('base64url')

/** Compares in a time that does not depend on where they differ. */
export const isFormToken = (given: string, expected: string): boolean =>
  given.length === expected.length && timingSafeEqual(Buffer.from(given), Buffer.from(expected))
