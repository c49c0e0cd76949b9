// A caller in the shape of the templates' object storage routes (reference 2.4): compiled as it is against the replacements.
import type { Express, Request } from "express";
import { ObjectNotFoundError, ObjectStorageService, objectStorageClient } from "./objectStorage";
import { ObjectPermission, getObjectAclPolicy, setObjectAclPolicy, type ObjectAclPolicy } from "./objectAcl";

type SignedIn = Request & { user?: { claims: { sub: string } } };

export function registerObjectStorageRoutes(app: Express): void {
  const objectStorageService = new ObjectStorageService();

  app.post("/api/uploads/request-url", async (req, res) => {
    const { name, size, contentType } = req.body;
    if (!name) return res.status(400).json({ error: "Missing required field: name" });
    const uploadURL = await objectStorageService.getObjectEntityUploadURL();
    const objectPath = objectStorageService.normalizeObjectEntityPath(uploadURL);
    return res.json({ uploadURL, objectPath, metadata: { name, size, contentType } });
  });

  app.put("/api/images", async (req: SignedIn, res) => {
    const owner = req.header("x-test-user") ?? "";
    try {
      const policy: ObjectAclPolicy = { owner, visibility: req.body.visibility };
      const objectPath = await objectStorageService.trySetObjectEntityAclPolicy(req.body.imageURL, policy);
      res.status(200).json({ objectPath });
    } catch (error) {
      if (error instanceof ObjectNotFoundError) return res.sendStatus(404);
      throw error;
    }
  });

  app.get("/objects/*objectPath", async (req, res) => {
    try {
      const objectFile = await objectStorageService.getObjectEntityFile(req.path);
      const canAccess = await objectStorageService.canAccessObjectEntity({
        objectFile,
        userId: req.header("x-test-user"),
        requestedPermission: ObjectPermission.READ,
      });
      if (!canAccess) return res.sendStatus(401);
      await objectStorageService.downloadObject(objectFile, res);
    } catch (error) {
      if (error instanceof ObjectNotFoundError) return res.sendStatus(404);
      return res.sendStatus(500);
    }
  });

  app.get("/public-objects/*filePath", async (req, res) => {
    const file = await objectStorageService.searchPublicObject(req.path.slice("/public-objects/".length));
    if (!file) return res.status(404).json({ error: "File not found" });
    objectStorageService.downloadObject(file, res);
  });

  app.get("/api/storage/*objectPath", async (req, res) => {
    // The PNPM template's form: a web Response.
    const objectFile = await objectStorageService.getObjectEntityFile(req.path.slice("/api/storage".length));
    const response = await objectStorageService.downloadObject(objectFile);
    res.status(response.status);
    response.headers.forEach((value, key) => res.setHeader(key, value));
    res.end(Buffer.from(await response.arrayBuffer()));
  });

  app.post("/api/generated", async (req, res) => {
    // As apps do that store what they made themselves.
    const [, bucketName = "", ...rest] = objectStorageService.getPrivateObjectDir().split("/");
    const file = objectStorageClient.bucket(bucketName).file([...rest, "made", "text.txt"].join("/"));
    await file.save(Buffer.from(req.body.text), { contentType: "text/plain", metadata: { cacheControl: "no-store" } });
    await setObjectAclPolicy(file, { owner: "maker", visibility: "private" });
    const [metadata] = await file.getMetadata();
    const [exists] = await file.exists();
    res.json({ exists, size: metadata.size, contentType: metadata.contentType, policy: await getObjectAclPolicy(file) });
  });
}
