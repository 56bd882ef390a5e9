import { createRule } from '../../createRule.ts'

const SPEC = 'https://atproto.com/specs/blob'
const SECURITY = 'https://atproto.com/guides/blob-security'
const LEXICON = 'https://github.com/bluesky-social/atproto/blob/main/lexicons/com/atproto'
const rule = createRule('blobs')

/** What anyone may expect of the blobs of an account. */
export const blobRules = {
  listed: rule(
    'listed',
    'must',
    'listBlobs lists every blob that a record refers to.',
    `${LEXICON}/sync/listBlobs.json; movers copy what it lists`,
  ),
  referenced: rule(
    'referenced',
    'should',
    'listBlobs lists no blob that no record refers to.',
    `${SPEC}; the reference PDS lists references, and movers take the list for what there is to copy`,
  ),
  listedOnce: rule(
    'listed-once',
    'should',
    'The pages of listBlobs come to an end, and name each blob once.',
    `${LEXICON}/sync/listBlobs.json: cursor`,
  ),
  since: rule(
    'since',
    'should',
    'listBlobs since the latest revision is empty, and since the beginning has all blobs.',
    `${LEXICON}/sync/listBlobs.json: blobs since some repo revision`,
  ),
  served: rule(
    'served',
    'must',
    'getBlob gives every blob that a record refers to.',
    `${LEXICON}/sync/getBlob.json; an account whose blobs are missing cannot leave whole`,
  ),
  bytes: rule(
    'bytes',
    'must',
    'The bytes of a blob are those of its CID: as they were uploaded, not changed and not compressed again.',
    `${LEXICON}/sync/getBlob.json: the full blob as originally uploaded; ${SPEC}#blob-metadata`,
  ),
  size: rule(
    'size',
    'should',
    'A blob has the size that records say.',
    `${SPEC}#blob-metadata; targets of a move compare it`,
  ),
  type: rule(
    'type',
    'should',
    'A blob has the content-type that records say.',
    `${SPEC}#blob-metadata; browsers and CDNs show it by that type`,
  ),
  length: rule(
    'length',
    'should',
    'A blob comes with its content-length.',
    'https://www.rfc-editor.org/rfc/rfc9110#name-content-length; the reference PDS sends it, and movers tell by it where a body broke off',
  ),
  head: rule(
    'head',
    'should',
    'HEAD answers as GET does: the same status, type and length, and no body.',
    'https://www.rfc-editor.org/rfc/rfc9110#name-head',
  ),
  ranges: rule(
    'ranges',
    'must',
    'A request for a range gets these bytes (206) or the whole blob (200), an error where there are none, and never other bytes.',
    'https://www.rfc-editor.org/rfc/rfc9110#name-range-requests',
  ),
  nosniff: rule('nosniff', 'should', 'A blob comes with x-content-type-options: nosniff.', SECURITY),
  noScript: rule(
    'no-script',
    'should',
    'A blob cannot run as a page of the server: its content-security-policy forbids all, or it is sandboxed.',
    `${SECURITY}: default-src 'none'; sandbox`,
  ),
  missing: rule(
    'missing',
    'must',
    'A blob that does not exist is refused.',
    `${LEXICON}/sync/getBlob.json: BlobNotFound`,
  ),
  otherAccount: rule(
    'other-account',
    'should',
    'A blob is not given out as that of an account that does not have it.',
    `${SPEC}: blobs are always referenced and managed in the context of an account`,
  ),
} as const
