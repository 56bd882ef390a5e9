import { NOWHERE } from '../../discover.ts'

const nested = (depth: number): object => (depth === 0 ? { end: true } : { deeper: nested(depth - 1) })

/** Records that the data model allows, and that a careless server changes. */
export const ODD_RECORDS: readonly { name: string; rkey: string; record: object }[] = [
  { name: 'objects in objects', rkey: 'deep', record: { value: nested(20) } },
  { name: 'bytes', rkey: 'bytes', record: { empty: { $bytes: '' }, bytes: { $bytes: 'AP/+' } } },
  { name: 'links', rkey: 'links', record: { record: { $link: NOWHERE.cid }, raw: { $link: NOWHERE.blob } } },
  {
    name: 'text in any script',
    rkey: 'text',
    record: {
      emoji: '👩‍👩‍👧‍👦',
      composed: 'é',
      decomposed: 'e\u0301',
      rtl: 'שלום',
      control: 'a\nb\tc',
      ключ: '鍵',
    },
  },
  { name: 'nothing', rkey: 'nothing', record: { text: '', list: [], map: {}, none: null } },
  {
    name: 'the largest and smallest numbers',
    rkey: 'numbers',
    record: { most: Number.MAX_SAFE_INTEGER, least: Number.MIN_SAFE_INTEGER, zero: 0, yes: true, no: false },
  },
  { name: 'keys of any order', rkey: 'order', record: { zz: 1, a: 2, bb: 3, b: 4, aaa: 5 } },
  { name: 'a record key with all that it may have', rkey: 'a-Z_0.9:~', record: { text: 'key' } },
  { name: 'the longest record key', rkey: 'k'.repeat(512), record: { text: 'key' } },
]
