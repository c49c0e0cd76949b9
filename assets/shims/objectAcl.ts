// Who may read and write an object: the template's objectAcl on Amazon S3. Written by migrate-wizard, yours to change.
//
// Google Cloud Storage kept the policy in the metadata key `custom:aclPolicy`; S3's metadata cannot be changed without a copy, so it is
// in the object's tags: `acl-visibility` is public or private, for a bucket policy to read; `acl-policy`, `acl-policy-2`, … hold the
// whole policy as base64 of its JSON, 256 characters each. The transfer out of Replit writes the same tags.
import { GetObjectTaggingCommand, PutObjectTaggingCommand, type S3Client, type Tag } from "@aws-sdk/client-s3";

/** Where an object is. `File` of objectStorage.ts is one. */
export interface ObjectPlace {
  readonly client: S3Client;
  readonly bucketName: string;
  readonly name: string;
}

/** The kinds of groups that a rule may name. The template has none of its own: add yours here and in `createObjectAccessGroup`. */
export enum ObjectAccessGroupType {}

export interface ObjectAccessGroup {
  type: ObjectAccessGroupType;
  id: string;
}

export enum ObjectPermission {
  READ = "read",
  WRITE = "write",
}

export interface ObjectAclRule {
  group: ObjectAccessGroup;
  permission: ObjectPermission;
}

/** Stored with the object. */
export interface ObjectAclPolicy {
  /** The user's id. */
  owner: string;
  visibility: "public" | "private";
  aclRules?: Array<ObjectAclRule>;
}

/** S3's limits: ten tags for an object, 256 characters for a value. One tag is the visibility. */
const TAGS = 10;
const VALUE = 256;
const OURS = /^acl-(visibility|policy(-\d+)?)$/;

function isPermissionAllowed(requested: ObjectPermission, granted: ObjectPermission): boolean {
  return granted === ObjectPermission.WRITE || requested === granted;
}

abstract class BaseObjectAccessGroup implements ObjectAccessGroup {
  constructor(
    public readonly type: ObjectAccessGroupType,
    public readonly id: string,
  ) {}

  public abstract hasMember(userId: string): Promise<boolean>;
}

function createObjectAccessGroup(group: ObjectAccessGroup): BaseObjectAccessGroup {
  switch (group.type) {
    // One case for each kind of group, as in the file that this one replaces.
    default:
      throw new Error(`Unknown access group type: ${group.type}`);
  }
}

async function tagsOf(place: ObjectPlace): Promise<Tag[]> {
  const answer = await place.client.send(new GetObjectTaggingCommand({ Bucket: place.bucketName, Key: place.name }));
  return answer.TagSet ?? [];
}

/** The tags that hold a policy. */
export function policyTags(policy: ObjectAclPolicy, free: number = TAGS): Tag[] {
  const text = Buffer.from(JSON.stringify(policy), "utf8").toString("base64");
  const pieces = text.match(new RegExp(`.{1,${VALUE}}`, "g")) ?? [];
  if (pieces.length + 1 > free) {
    throw new Error(`the policy needs ${pieces.length + 1} tags and S3 leaves ${free}: fewer rules, or keep policies in a table`);
  }
  return [
    { Key: "acl-visibility", Value: policy.visibility },
    ...pieces.map((piece, at) => ({ Key: at === 0 ? "acl-policy" : `acl-policy-${at + 1}`, Value: piece })),
  ];
}

/** Throws when the object is not there. Tags of others stay. */
export async function setObjectAclPolicy(objectFile: ObjectPlace, aclPolicy: ObjectAclPolicy): Promise<void> {
  const others = (await tagsOf(objectFile)).filter((tag) => !OURS.test(tag.Key ?? ""));
  const TagSet = [...others, ...policyTags(aclPolicy, TAGS - others.length)];
  await objectFile.client.send(
    new PutObjectTaggingCommand({ Bucket: objectFile.bucketName, Key: objectFile.name, Tagging: { TagSet } }),
  );
}

export async function getObjectAclPolicy(objectFile: ObjectPlace): Promise<ObjectAclPolicy | null> {
  const tags = new Map((await tagsOf(objectFile)).map((tag) => [tag.Key ?? "", tag.Value ?? ""]));
  let text = tags.get("acl-policy");
  if (text === undefined) return null;
  for (let at = 2; tags.has(`acl-policy-${at}`); at += 1) text += tags.get(`acl-policy-${at}`);
  return JSON.parse(Buffer.from(text, "base64").toString("utf8")) as ObjectAclPolicy;
}

export async function canAccessObject({
  userId,
  objectFile,
  requestedPermission,
}: {
  userId?: string;
  objectFile: ObjectPlace;
  requestedPermission: ObjectPermission;
}): Promise<boolean> {
  const aclPolicy = await getObjectAclPolicy(objectFile);
  if (!aclPolicy) return false;
  if (aclPolicy.visibility === "public" && requestedPermission === ObjectPermission.READ) return true;
  if (!userId) return false;
  if (aclPolicy.owner === userId) return true;
  for (const rule of aclPolicy.aclRules ?? []) {
    const group = createObjectAccessGroup(rule.group);
    if ((await group.hasMember(userId)) && isPermissionAllowed(requestedPermission, rule.permission)) return true;
  }
  return false;
}
