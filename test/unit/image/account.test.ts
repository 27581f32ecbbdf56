import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { accountIn } from "../../../src/image/account.ts";

describe("the user that an application gets in an image", () => {
  const root = { passwd: "root:x:0:0::/root:/bin/sh", group: "root:x:0:" };

  test("is one more line of what the base has", () => {
    const { uid, files } = accountIn(root, "wall", "/srv/wall");
    assert.equal(uid, 10_001);
    assert.deepEqual(files, {
      passwd: `${root.passwd}\nwall:x:10001:10001::/srv/wall:/usr/sbin/nologin\n`,
      group: `${root.group}\nwall:x:10001:\n`,
    });
  });

  test("takes no number that is somebody's", () => {
    const passwd = `${root.passwd}\nother:x:10001:10001::/:/bin/sh\n`;
    const group = `${root.group}\nusers:x:10002:\n`;
    assert.equal(accountIn({ passwd, group }, "wall", "/srv/wall").uid, 10_003);
  });

  test("is the base's own where it has one of that name", () => {
    const passwd = `${root.passwd}\nwall:x:65532:65531::/home:/sbin/nologin\n`;
    const account = accountIn({ ...root, passwd }, "wall", "/srv/wall");
    assert.deepEqual(account, { uid: 65_532, gid: 65_531, files: undefined });
  });

  test("is there in a base without any", () => {
    const { files } = accountIn({ passwd: "", group: "" }, "wall", "/srv/wall");
    assert.equal(files?.group, "wall:x:10001:\n");
  });
});
