// The round trip of ali-oss: arguments and report as round_trips.py has them.
'use strict';

const crypto = require('crypto');
const OSS = require('ali-oss');

const [endpoint, region, bucketName, keyId, secret, version, linkEndpoint] = process.argv.slice(2);
const KEY = 'exports/报表 2026+1.csv';
const BIG_KEY = 'exports/big.xlsx';
const SMALL_KEY = 'exports/small';
const DISPOSITION =
  "attachment; filename=\"report.xlsx\"; filename*=UTF-8''%E6%8A%A5%E8%A1%A8%20%F0%9F%93%8A.xlsx";

function bucket(options = {}) {
  return new OSS({
    endpoint,
    region: `oss-${region}`,
    bucket: bucketName,
    accessKeyId: keyId,
    accessKeySecret: secret,
    authorizationV4: version === 'v4',
    // The bucket goes into the path at a name; an IP address gets the Host of the bucket.
    sldEnable: endpoint.includes('localhost'),
    ...options,
  });
}

async function code(call) {
  try {
    await call();
    return '';
  } catch (error) {
    return error.code;
  }
}

function part(number) {
  return Buffer.alloc(number === 5 ? 1000 : 120000, number);
}

async function exists(client, key) {
  return (await code(() => client.head(key))) === '';
}

async function wholeObjects(client) {
  const content = Buffer.from('id,名称\n1,甲\n');
  const put = await client.put(KEY, content, {
    mime: 'text/csv; charset=utf-8',
    meta: { author: 'rowferry' },
  });
  const head = await client.head(KEY);
  await client.putObjectTagging(KEY, { 'rowferry-task': 'a1', team: 'data ops+1' });
  const { tag } = await client.getObjectTagging(KEY);
  await client.deleteObjectTagging(KEY);
  const range = await client.get(KEY, { headers: { Range: 'bytes=3-8' } });
  return {
    put_etag: put.res.headers.etag.replace(/"/g, ''),
    content: (await client.get(KEY)).content.toString(),
    range: range.content.toString(),
    size: Number(head.res.headers['content-length']),
    content_type: head.res.headers['content-type'],
    meta: head.meta.author,
    tags: tag,
    tags_after_delete: (await client.getObjectTagging(KEY)).tag,
  };
}

async function parts(client) {
  const headers = { 'Content-Disposition': DISPOSITION };
  const { uploadId } = await client.initMultipartUpload(BIG_KEY, { mime: 'text/plain', headers });
  const sent = await Promise.all(
    [1, 2, 3, 4, 5].map(async (number) => {
      const content = part(number);
      const { etag } = await client.uploadPart(BIG_KEY, uploadId, number, content, 0, content.length);
      return { number, etag };
    })
  );
  const listed = [];
  let marker = 0;
  for (let more = true; more; ) {
    const page = await client.listParts(BIG_KEY, uploadId, {
      'max-parts': 2,
      'part-number-marker': marker,
    });
    const found = Array.isArray(page.parts) ? page.parts : [page.parts];
    listed.push(...found.map(({ PartNumber, Size }) => [Number(PartNumber), Number(Size)]));
    marker = page.nextPartNumberMarker;
    more = page.isTruncated === 'true';
  }
  const report = {
    listed_parts: listed,
    visible_before_complete: await exists(client, BIG_KEY),
    open_uploads: (await client.listUploads({ 'max-uploads': 1 })).uploads.map(({ name }) => name),
    wrong_order: await wrongOrder(client, uploadId, sent),
  };
  await client.completeMultipartUpload(BIG_KEY, uploadId, sent);
  const got = await client.get(BIG_KEY);
  return {
    ...report,
    sha256: crypto.createHash('sha256').update(got.content).digest('hex'),
    stored_disposition: got.res.headers['content-disposition'],
    completed_again: await code(() => client.completeMultipartUpload(BIG_KEY, uploadId, sent)),
  };
}

// completeMultipartUpload sorts the parts; this sends them as they are.
function wrongOrder(client, uploadId, sent) {
  const listed = [...sent]
    .reverse()
    .map(({ number, etag }) => `<Part><PartNumber>${number}</PartNumber><ETag>${etag}</ETag></Part>`);
  const params = client._objectRequestParams('POST', BIG_KEY, { subres: { uploadId } });
  params.mime = 'xml';
  params.content = `<CompleteMultipartUpload>${listed.join('')}</CompleteMultipartUpload>`;
  params.successStatuses = [200];
  return code(() => client.request(params));
}

async function refusedParts(client) {
  const { uploadId } = await client.initMultipartUpload(SMALL_KEY);
  const sent = [];
  for (const number of [1, 2]) {
    const { etag } = await client.uploadPart(SMALL_KEY, uploadId, number, Buffer.from('x'), 0, 1);
    sent.push({ number, etag });
  }
  const missing = [...sent, { number: 3, etag: sent[0].etag }];
  const report = {
    small_part: await code(() => client.completeMultipartUpload(SMALL_KEY, uploadId, sent)),
    missing_part: await code(() => client.completeMultipartUpload(SMALL_KEY, uploadId, missing)),
  };
  await client.abortMultipartUpload(SMALL_KEY, uploadId);
  return {
    ...report,
    aborted_again: await code(() => client.abortMultipartUpload(SMALL_KEY, uploadId)),
    uploads_after_abort: (await client.listUploads({})).uploads.map(({ name }) => name),
  };
}

async function links() {
  const client = bucket({ endpoint: linkEndpoint, sldEnable: true });
  const response = { 'content-disposition': DISPOSITION };
  const queries = { 'response-content-disposition': DISPOSITION };
  const url =
    version === 'v4'
      ? await client.signatureUrlV4('GET', 60, { queries }, KEY)
      : client.signatureUrl(KEY, { expires: 60, response });
  const answer = await fetch(url);
  const altered = await fetch(url.replace('report.xlsx', 'retort.xlsx'));
  return {
    signed_status: answer.status,
    signed_disposition: answer.headers.get('content-disposition'),
    signed_content: await answer.text(),
    altered_status: altered.status,
  };
}

async function errors(client) {
  const headers = { 'x-oss-forbid-overwrite': 'true' };
  const get = (options) => code(() => bucket(options).get(KEY));
  return {
    overwritten: await code(() => client.put(KEY, Buffer.from('y'), { headers })),
    no_key: await code(() => client.get('exports/none')),
    no_key_head: await code(() => client.head('exports/none')),
    no_bucket: await get({ bucket: 'nobody-has-it' }),
    wrong_secret: await get({ accessKeySecret: 'wrong' }),
    unknown_key_id: await get({ accessKeyId: 'LTAInobody' }),
  };
}

async function ends(client) {
  const keys = [];
  let token;
  do {
    const page = await client.listV2({
      prefix: 'exports/',
      'max-keys': 1,
      'continuation-token': token,
    });
    keys.push(...page.objects.map(({ name }) => name));
    token = page.nextContinuationToken;
  } while (token);
  for (const key of keys) await client.delete(key);
  return { keys, exists_after_delete: await exists(client, KEY) };
}

async function main() {
  const client = bucket();
  const report = {};
  for (const step of [wholeObjects, parts, refusedParts, links, errors, ends]) {
    Object.assign(report, await step(client));
  }
  process.stdout.write(JSON.stringify(report));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
