import fs from "fs";
import path from "path";
import express, { type Express } from "express";
import multer from "multer";

const disk = multer.diskStorage({
  destination: (_req, _file, cb) => {
    cb(null, "uploads/");
  },
  filename: (_req, file, cb) => {
    cb(null, `${Date.now()}${path.extname(file.originalname)}`);
  },
});
const upload = multer({ storage: disk, limits: { fileSize: 10 * 1024 * 1024 }, fileFilter: (_req, file, cb) => cb(null, file.mimetype.startsWith("image/")) });
const typed = multer({
  storage: multer.diskStorage({
    destination: "uploads",
    filename: (_req: express.Request, file: Express.Multer.File, cb: (error: Error | null, name: string) => void): void => cb(null, file.originalname),
  }),
});

export function registerRoutes(app: Express) {
  app.post("/api/avatar", upload.single("file"), async (req, res) => {
    const bytes = await fs.promises.readFile(req.file!.path);
    fs.unlinkSync(req.file!.path);
    res.json({ bytes: bytes.length });
  });
  app.post("/api/many", typed.array("files"), (req, res) => {
    res.json(req.files);
  });
  app.use("/uploads", express.static("uploads", { maxAge: "1d" }));
}
