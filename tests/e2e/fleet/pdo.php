<?php
// PHP's PDO through a pooler: php pdo.php URI MODE. Its prepared statements are the protocol's, but it lets go of them by SQL (DEALLOCATE), also in
// the middle of a transaction. The last line is "ok".
error_reporting(E_ALL);
set_error_handler(function (int $number, string $text, string $file, int $line) {
    throw new ErrorException($text, 0, $number, $file, $line);
});
[, $uri, $mode] = $argv;
$at = parse_url($uri);
$dsn = "pgsql:host={$at['host']};port={$at['port']};dbname=" . substr($at["path"], 1) . ";sslmode=disable";

function same($wanted, $got): void {
    if ($wanted !== $got) throw new Exception("wanted " . var_export($wanted, true) . ", got " . var_export($got, true));
}

function add(PDO $pdo, int $id, string $word): void {
    $insert = $pdo->prepare("INSERT INTO pdo (id, word) VALUES (?, ?)");
    same(true, $insert->execute([$id, $word]));
} // Here the statement goes.

foreach ([false, true] as $emulates) {
    $pdo = new PDO($dsn, $at["user"], "", [PDO::ATTR_EMULATE_PREPARES => $emulates]);
    $pdo->exec("DROP TABLE IF EXISTS pdo; CREATE TABLE pdo (id int PRIMARY KEY, word text, bytes bytea)");
    $find = $pdo->prepare("SELECT word FROM pdo WHERE id = :id");
    for ($id = 0; $id < 20; ++$id) {
        add($pdo, $id, "word $id");
        $find->execute(["id" => $id]);
        same("word $id", $find->fetchColumn());
    }
    if ($mode !== "statement") {
        $pdo->beginTransaction();
        for ($id = 100; $id < 110; ++$id) add($pdo, $id, "kept");
        $pdo->commit();
        $pdo->beginTransaction();
        add($pdo, 200, "lost");
        try {
            add($pdo, 200, "twice");
            throw new Exception("no error");
        } catch (PDOException $problem) {
            same("23505", $problem->getCode());
        }
        $pdo->rollBack();
        same(30, $pdo->query("SELECT count(*) FROM pdo")->fetchColumn());
    }
    $bytes = $pdo->prepare("UPDATE pdo SET bytes = ? WHERE id = 1");
    $bytes->bindValue(1, "\0\1\xff", PDO::PARAM_LOB);
    $bytes->execute();
    same("\0\1\xff", stream_get_contents($pdo->query("SELECT bytes FROM pdo WHERE id = 1")->fetchColumn()));
    same(true, $pdo->pgsqlCopyFromArray("pdo", ["1000\tcopied\t\\N", "1001\tcopied\t\\N"]));
    same(2, count(array_filter($pdo->pgsqlCopyToArray("pdo"), fn($row) => str_contains($row, "copied"))));
    $pdo = $find = $bytes = null;
}
echo "ok\n";
