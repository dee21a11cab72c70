SELECT id FROM t WHERE day = '2024-02-01' AND v = '1.2.3' AND w = '1/2/3';
SELECT to_date('01/02/2024', 'DD/MM/YYYY');
