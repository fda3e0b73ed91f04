import { expect, test } from "bun:test";
import { parseWatch } from "../../../../proxy/tcp/bun-loop.ts";

const FDINFO = `pos:	0
flags:	02000002
mnt_id:	16
ino:	5231
tfd:        6 events:       19 data:      7f3c2a10  pos:0 ino:f sdev:8
tfd:       16 events: 80000005 data:         1002a  pos:0 ino:f sdev:8
`;

test("parseWatch() reads the loop's mark of one descriptor", () => {
  expect(parseWatch(FDINFO, 6)).toEqual({ events: 0x19, mark: 0x7f_3c_2a_10n });
  expect(parseWatch(FDINFO, 16)).toEqual({ events: 0x80_00_00_05, mark: 0x1_00_2an });
  expect(parseWatch(FDINFO, 1)).toBeUndefined();
});
