/**
 * The last gzip member of a tarball as a build writes it: two blocks of zeros. It is the same in each, so
 * whoever skips what stands before it sees by these bytes that nothing is cut off and nothing lies behind.
 */
export const END_OF_TAR_BYTES = 1024;

export const END_MEMBER = Buffer.from(
  "1f8b0800000000000003631805a360148c5800002eafb5ef00040000",
  "hex",
);
