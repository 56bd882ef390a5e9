import { createRule } from '../../createRule.ts'

const SPEC = 'https://atproto.com/specs/repository'
const SYNC = 'https://atproto.com/specs/sync'
const LEXICON = 'https://github.com/bluesky-social/atproto/blob/main/lexicons/com/atproto'
const rule = createRule('repo')

/** What anyone may expect of the repository that a server gives out. */
export const repositoryRules = {
  export: rule(
    'export',
    'must',
    'getRepo answers with a CAR, of the type application/vnd.ipld.car.',
    `${LEXICON}/sync/getRepo.json`,
  ),
  car: rule(
    'car',
    'must',
    'An export is a whole CAR of version 1, in which every CID is a CIDv1 of sha-256.',
    `${SPEC}#car-file-serialization; https://ipld.io/specs/transport/car/carv1/`,
  ),
  oneRoot: rule(
    'one-root',
    'should',
    'An export names one root.',
    `${SPEC}#car-file-serialization; @atcute/car reads no CAR with more or fewer`,
  ),
  hashes: rule(
    'hashes',
    'must',
    'The bytes of every block of an export have the hash that its CID names.',
    `${SPEC}#car-file-serialization`,
  ),
  commit: rule(
    'commit',
    'must',
    'The first root of an export is a commit of version 3 of the account.',
    `${SPEC}#commit-objects`,
  ),
  prev: rule(
    'prev',
    'should',
    'The commit does not name an earlier one: prev is null.',
    `${SPEC}#commit-objects: in version 3 it is virtually always null`,
  ),
  rev: rule(
    'rev',
    'must',
    'The revision of a commit is a TID that is not in the future.',
    `${SPEC}#commit-objects; relays drop commits whose revision is more than five minutes ahead`,
  ),
  signature: rule(
    'signature',
    'must',
    'The commit is signed by the key that the DID of the account names.',
    `${SPEC}#commit-objects; https://atproto.com/specs/cryptography`,
  ),
  complete: rule(
    'complete',
    'must',
    'An export has every node and every record of the tree of its commit.',
    `${SPEC}#car-file-serialization`,
  ),
  nothingMore: rule(
    'nothing-more',
    'should',
    'An export has each block once, and none that its commit does not need.',
    `${SPEC}#car-file-serialization; what does not belong to the commit may be what was deleted`,
  ),
  preorder: rule(
    'preorder',
    'house',
    'An export has the commit first, and then the tree in the order in which it is walked.',
    `${SPEC}#car-file-serialization: the order that can be read as a stream`,
  ),
  tree: rule(
    'tree',
    'must',
    'The tree is the one that its keys have: valid keys, ascending, each on its layer, and no empty node.',
    `${SPEC}#mst-structure; https://atproto.com/specs/record-key`,
  ),
  records: rule(
    'records',
    'should',
    'Every record is a map in canonical DAG-CBOR, with a $type.',
    'https://atproto.com/specs/data-model; indigo and @atproto/repo refuse others',
  ),
  recordTypes: rule(
    'record-types',
    'should',
    'The $type of a record is its collection.',
    `${SPEC}; AppViews ignore records of another type`,
  ),
  current: rule(
    'current',
    'must',
    'An export is that of the commit that getLatestCommit names.',
    `${LEXICON}/sync/getLatestCommit.json`,
  ),
  sinceNewest: rule(
    'since-newest',
    'must',
    'An export since the latest revision has no records, and is that of the same commit.',
    `${LEXICON}/sync/getRepo.json: a diff since a previous revision`,
  ),
  sinceUnknown: rule(
    'since-unknown',
    'should',
    'For a revision that never was, getRepo gives what came after it (everything, if nothing came before), or an error of the client.',
    `${LEXICON}/sync/getRepo.json; relays ask for what came after the last revision that they have seen`,
  ),
  status: rule(
    'status',
    'must',
    'getRepoStatus says that the account is active, and its latest revision.',
    `${LEXICON}/sync/getRepoStatus.json`,
  ),
  listed: rule(
    'listed',
    'must',
    'listRepos lists the account, with its latest commit and revision.',
    `${LEXICON}/sync/listRepos.json; relays find accounts by it`,
  ),
  listedByCollection: rule(
    'listed-by-collection',
    'must',
    'listReposByCollection lists the account for a collection that it has.',
    `${LEXICON}/sync/listReposByCollection.json`,
  ),
  hostStatus: rule(
    'host-status',
    'must',
    'getHostStatus refuses a host that the server does not know.',
    `${LEXICON}/sync/getHostStatus.json: HostNotFound`,
  ),
  described: rule(
    'described',
    'must',
    'describeRepo names the DID, its document, and exactly the collections of the tree.',
    `${LEXICON}/repo/describeRepo.json`,
  ),
  recordsListed: rule(
    'records-listed',
    'must',
    'listRecords lists exactly the records that the tree has, with their CIDs.',
    `${LEXICON}/repo/listRecords.json`,
  ),
  recordsOrder: rule(
    'records-order',
    'should',
    'listRecords lists the newest record keys first, and the oldest with reverse.',
    `${LEXICON}/repo/listRecords.json; clients show the first page as the latest`,
  ),
  record: rule(
    'record',
    'must',
    'getRecord gives a record of the tree: its URI, its CID, and the value that has this CID.',
    `${LEXICON}/repo/getRecord.json`,
  ),
  recordVersion: rule(
    'record-version',
    'must',
    'getRecord gives the version that is asked for, and refuses one that does not exist.',
    `${LEXICON}/repo/getRecord.json: cid`,
  ),
  presence: rule(
    'proof-of-presence',
    'must',
    'sync.getRecord proves a record: signed commit, the nodes down to it, and the record.',
    `${LEXICON}/sync/getRecord.json; ${SYNC}`,
  ),
  absence: rule(
    'proof-of-absence',
    'should',
    'sync.getRecord proves that a record does not exist: signed commit, and the nodes where it would be.',
    `${LEXICON}/sync/getRecord.json; ${SYNC}`,
  ),
  blocks: rule(
    'blocks',
    'must',
    'getBlocks gives exactly the blocks that are asked for.',
    `${LEXICON}/sync/getBlocks.json`,
  ),
  blocksMissing: rule(
    'blocks-missing',
    'must',
    'getBlocks refuses a request for a block that the repository does not have.',
    `${LEXICON}/sync/getBlocks.json: BlockNotFound`,
  ),
} as const
